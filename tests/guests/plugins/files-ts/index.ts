// Sees files and variables over WASI 0.3, with the names of the Rust guest's tools.
import { createTool } from "distri/base";
import { mkdir, open, readdir, readFile, writeFile } from "node:fs/promises";
import environment from "wasi:cli/environment@0.3.0";
import preopens from "wasi:filesystem/preopens@0.3.0";

const at = ({ guest, path }: { guest: string; path: string }) => `${guest}/${path}`;

export default {
  tools: [
    createTool({
      name: "folders",
      execute: () => preopens.getDirectories().map(([, path]: [unknown, string]) => path),
    }),
    createTool({ name: "environment", execute: () => environment.getEnvironment() }),
    createTool({ name: "read", execute: (input) => readFile(at(input), "utf8") }),
    createTool({ name: "list", execute: ({ guest }) => readdir(guest) }),
    createTool({
      name: "hoard",
      execute: async (input) => {
        const all: unknown[] = [];
        const [folder] = preopens.getDirectories().find(([, path]: [unknown, string]) => path === input.guest);
        const piped = input.keep === "pipe" && (await folder.openAt({}, input.path, {}, { read: true, write: true }));
        for (let i = 0; i < input.times; i++) {
          if (input.keep === "listing") {
            all.push(folder.readDirectory());
            continue;
          }
          if (input.keep === "pipe") {
            // From the host to the host: the guest has nothing left of it.
            const [stream, read] = piped.readViaStream(0);
            const written = piped.writeViaStream(stream, 0);
            read.drop();
            written.drop();
            all.push(i);
            continue;
          }
          const file = await open(at(input));
          if (input.keep === "file") all.push(file);
          else await file.close();
        }
        return all.length;
      },
    }),
    createTool({ name: "write", execute: (input) => writeFile(at(input), input.text) }),
    createTool({ name: "resize", execute: async (input) => (await open(at(input), "w")).truncate(input.size) }),
    createTool({
      name: "write_at",
      execute: async (input) => {
        const file = await open(at(input), input.how === "append" ? "a" : "w");
        for (const place of input.places) await file.write(input.text, input.how === "append" ? null : place);
        await file.close();
      },
    }),
    createTool({
      name: "fill",
      execute: async (input) => {
        for (let i = 0; i < input.count; i++) {
          const path = `${input.guest}/${input.what}-${i}`;
          if (input.what === "folder") await mkdir(path);
          else await writeFile(path, "");
        }
        return input.count;
      },
    }),
  ],
};
