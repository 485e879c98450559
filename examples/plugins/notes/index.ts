import { createTool } from "distri/base";
import { readdir, readFile, writeFile } from "node:fs/promises";

const FOLDER = "/notes";

const add = createTool({
  name: "add",
  description: "Writes a new note; fails when there is one of that name",
  parameters: {
    type: "object",
    properties: {
      name: { type: "string", pattern: "^[a-z0-9-]+$" },
      text: { type: "string" },
    },
    required: ["name", "text"],
  },
  execute: async ({ name, text }) => {
    const file = `${name}.md`;
    await writeFile(`${FOLDER}/${file}`, text, { flag: "wx" });
    return { file };
  },
});

const search = createTool({
  name: "search",
  description: "Finds the lines of all notes that contain a text",
  parameters: {
    type: "object",
    properties: { text: { type: "string" } },
    required: ["text"],
  },
  execute: async ({ text }) => {
    const wanted = text.toLowerCase();
    const files = (await readdir(FOLDER)).filter((name) => name.endsWith(".md")).sort();
    const found = await Promise.all(
      files.map(async (file) => {
        const lines = (await readFile(`${FOLDER}/${file}`, "utf8")).split("\n");
        return lines.flatMap((line, at) =>
          line.toLowerCase().includes(wanted) ? [{ file, line: at + 1, text: line }] : [],
        );
      }),
    );
    return found.flat();
  },
});

export default { tools: [add, search] };
