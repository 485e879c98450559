import * as fs from "node:fs/promises";
import { constants, promises } from "fs";
import process from "node:process";
import { fixture, is } from "./check.ts";

/** An operation's error, by the parts that programs look at. */
async function fails(what: string, act: () => Promise<unknown>, code: string, syscall?: string, path?: string): Promise<any> {
  try {
    is(what, await act(), `an error with the code ${code}`);
  } catch (error: any) {
    is(what, [error.code, error.syscall, error.path], [code, syscall, path]);
    const shown = [error.code.replace("ERR_FS_", ""), syscall, path].every((part) => part === undefined || error.message.includes(part));
    if (syscall !== undefined) is(`${what}: ${error.message}`, shown && error.errno < 0, true);
    return error;
  }
}

async function files() {
  await fs.writeFile("/data/a.txt", "héllo");
  is("text", await fs.readFile("/data/a.txt", "utf8"), "héllo");
  is("bytes", (await fs.readFile("/data/a.txt")) instanceof Uint8Array, true);
  is("relative to the root", await fs.readFile("data/a.txt", { encoding: "utf-8" }), "héllo");
  is("a URL", await promises.readFile(new URL("file:///data/a.txt"), "utf8"), "héllo");
  is("encodings", await Promise.all((["hex", "base64", "latin1"] as const).map((it) => fs.readFile("/data/a.txt", it))), [
    "68c3a96c6c6f",
    "aMOpbGxv",
    "hÃ©llo",
  ]);
  await fs.appendFile("/data/a.txt", new TextEncoder().encode(", more"));
  is("appended", await fs.readFile("/data/./x/../a.txt", "utf8"), "héllo, more");
  await fs.writeFile("/data/a.txt", "\ufeffhi");
  is("a mark is kept", await fs.readFile("/data/a.txt", "utf8"), "\ufeffhi");
  await fs.writeFile("/data/a.txt", "6869", "hex");
  is("replaced", await fs.readFile("/data/a.txt", "utf8"), "hi");
  await fs.rm("/data/new.txt", { force: true });
  await fs.writeFile("/data/new.txt", "x", { flag: "wx" });
  await fails("there already", () => fs.writeFile("/data/new.txt", "x", { flag: "wx" }), "EEXIST", "open", "/data/new.txt");
  async function* pieces() {
    yield "a line\n";
    for (let at = 0; at < 50; at++) yield new Uint8Array(100_000).fill(at);
  }
  await fs.writeFile("/data/large.bin", pieces());
  const large = await fs.readFile("/data/large.bin");
  is("large", [large.length, large[7], large.at(-1)], [5_000_007, 0, 49]);
  await fs.copyFile("/data/large.bin", "/data/copy.bin");
  is("a copy", (await fs.stat("/data/copy.bin")).size, 5_000_007);
  await fails("a copy", () => fs.copyFile("/data/a.txt", "/data/copy.bin", constants.COPYFILE_EXCL), "EEXIST", "open", "/data/copy.bin");
  await fs.rename("/data/copy.bin", "/data/moved.bin");
  await fails("moved", () => fs.stat("/data/copy.bin"), "ENOENT", "stat", "/data/copy.bin");
  await fs.unlink("/data/moved.bin");
  await fs.truncate("/data/a.txt", 1);
  is("truncated", await fs.readFile("/data/a.txt", "utf8"), "h");
  const stat = await fs.stat("/data/a.txt");
  const now = Date.now();
  is("stat", [stat.isFile(), stat.isDirectory(), stat.size, stat.mtime instanceof Date, Math.abs(now - stat.mtimeMs) < 60_000], [
    true,
    false,
    1,
    true,
    true,
  ]);
}

async function folders() {
  is("made", await fs.mkdir("/data/d/e/f", { recursive: true }), "/data/d");
  is("made before", await fs.mkdir("/data/d/e/f", { recursive: true }), undefined);
  await fs.mkdir("/data/d/g");
  await fs.writeFile("/data/d/e/f/x.txt", "x");
  is("entries", await fs.readdir("/data/d"), ["e", "g"]);
  is("all entries", await fs.readdir("/data/d", { recursive: true }), ["e", "g", "e/f", "e/f/x.txt"]);
  const typed = await fs.readdir("/data/d/e/f", { withFileTypes: true });
  is("typed", typed.map((entry) => [entry.name, entry.parentPath, entry.isFile(), entry.isDirectory()]), [
    ["x.txt", "/data/d/e/f", true, false],
  ]);
  await fails("there already", () => fs.mkdir("/data/d"), "EEXIST", "mkdir", "/data/d");
  await fails("a file in between", () => fs.mkdir("/data/a.txt/x", { recursive: true }), "ENOTDIR", "mkdir", "/data/a.txt/x");
  await fails("no parent", () => fs.mkdir("/data/none/x"), "ENOENT", "mkdir", "/data/none/x");
  await fails("not empty", () => fs.rmdir("/data/d"), "ENOTEMPTY", "rmdir", "/data/d");
  await fails("not a folder", () => fs.readdir("/data/a.txt"), "ENOTDIR", "scandir", "/data/a.txt");
  await fails("a folder", () => fs.readFile("/data/d"), "EISDIR", "read", "/data/d");
  await fails("a folder", () => fs.writeFile("/data/d", ""), "EISDIR", "open", "/data/d");
  await fails("a folder", () => fs.unlink("/data/d"), "EISDIR", "unlink", "/data/d");
  await fails("a folder", () => fs.rm("/data/d"), "ERR_FS_EISDIR", "rm", "/data/d");
  await fs.rm("/data/d", { recursive: true });
  await fails("gone", () => fs.access("/data/d"), "ENOENT", "access", "/data/d");
  await fails("gone", () => fs.rm("/data/d"), "ENOENT", "rm", "/data/d");
  await fs.rm("/data/d", { force: true });
}

async function handles() {
  const file = await fs.open("/data/h.txt", "w+");
  is("written", (await file.write("hello world")).bytesWritten, 11);
  await file.write(new TextEncoder().encode("xWORLDx"), 1, 5, 6);
  const buffer = new Uint8Array(20);
  const { bytesRead } = await file.read(buffer, 2, 5, 6);
  is("read", [bytesRead, new TextDecoder().decode(buffer.subarray(2, 7))], [5, "WORLD"]);
  is("at the end", (await file.read({ buffer })).bytesRead, 0);
  is("size", (await file.stat()).size, 11);
  await file.truncate(5);
  await file.sync();
  await file.close();
  is("on disk", await fs.readFile("/data/h.txt", "utf8"), "hello");
  await fails("closed", () => file.read(buffer), "EBADF", "read", "/data/h.txt");
  const other = await fs.open("/data/h.txt");
  is("in turn", [(await other.read(buffer, 0, 2)).bytesRead, await other.readFile("utf8")], [2, "llo"]);
  await fails("not for writing", () => other.write("x"), "EBADF", "write", "/data/h.txt");
  await other.close();
  const log = await fs.open("/data/h.txt", "a");
  await log.appendFile(" again");
  await log.close();
  is("appended", await fs.readFile("/data/h.txt", "utf8"), "hello again");
  for (const flags of ["x", "rx", "w++"]) {
    await fs.open("/data/h.txt", flags).catch((error) => is(flags, error.code, "ERR_INVALID_ARG_VALUE"));
  }
}

async function limits() {
  is("read only", await fs.readFile("/fixed/note.txt", "utf8"), "a note\n");
  const refused = [
    await fails("nothing granted", () => fs.readFile("/etc/passwd"), "EACCES", "open", "/etc/passwd"),
    await fails("a way out", () => fs.readFile("/data/../../etc/passwd"), "EACCES", "open", "/data/../../etc/passwd"),
    await fails("beside it", () => fs.readFile("/database"), "EACCES", "open", "/database"),
    await fails("read only", () => fs.writeFile("/fixed/new.txt", "x"), "EACCES", "open", "/fixed/new.txt"),
    await fails("read only", () => fs.unlink("/fixed/note.txt"), "EACCES", "unlink", "/fixed/note.txt"),
    await fails("read only", () => fs.mkdir("/fixed/d"), "EACCES", "mkdir", "/fixed/d"),
    await fails("read only", () => fs.access("/fixed/note.txt", constants.W_OK), "EACCES", "access", "/fixed/note.txt"),
  ];
  is("kinds", refused.map((error) => error.kind), refused.map(() => "denied"));
  is("hints", refused[0].hint.split("\n").slice(1), ["[[capabilities.filesystem]]", 'guest = "/etc"', 'path = "…"', 'access = "read"']);
  is("hints", refused[3].hint.split("\n").slice(2), ['guest = "/fixed"', 'path = "…"', 'access = "read-write"']);
  for (const path of ["", "/data/a\0b", 5 as any, new URL("http://a.example/data/a.txt")]) {
    await fs.readFile(path).catch((error) => is(String(path), [error.name, error.code], ["TypeError", "ERR_INVALID_ARG_VALUE"]));
  }
  await fails("a link that leads out", () => fs.readFile("/data/out"), "EPERM", "open", "/data/out");
  is("a link", [(await fs.lstat("/data/in")).isSymbolicLink(), await fs.readlink("/data/in"), await fs.readFile("/data/in", "utf8")], [
    true,
    "target.txt",
    "target",
  ]);
}

/** What has gone wrong before. */
async function corners() {
  const text = async (path: string) => fs.readFile(path, "utf8");
  await fs.writeFile("/data/c.txt", "0123456789");
  const file = await fs.open("/data/c.txt", "r+");
  const buffer = new Uint8Array(3);
  const at = async (position: any) => (await file.read(buffer, 0, 3, position), new TextDecoder().decode(buffer));
  is("where it stands", [await at(-1), await at(null), await at(undefined)], ["012", "345", "678"]);
  is("a big number", [await at(0n), await at(4)], ["012", "456"]);
  for (const position of [-2, 1.5, NaN, 2 ** 60, 2n ** 70n]) {
    await fails(`at ${position}`, () => at(position), "ERR_OUT_OF_RANGE");
    await fails(`at ${position}`, () => file.write("x", position as number), "ERR_OUT_OF_RANGE");
  }
  await fails("not in the buffer", () => file.read(buffer, 2, 3), "ERR_OUT_OF_RANGE");
  const rest = await file.read();
  is("room of its own", [rest.bytesRead, rest.buffer.toString("utf8").slice(0, 1)], [1, "9"]);
  await fails("no length", () => file.truncate(1.5), "ERR_OUT_OF_RANGE");
  await file.truncate(-1);
  is("nothing left", (await file.stat()).size, 0);
  await file.close();
  const lines = await fs.open("/data/c.txt", "w");
  await Promise.all(["one\n", "two\n", "three\n"].map((line) => lines.write(line)));
  await lines.close();
  is("one after the other", await text("/data/c.txt"), "one\ntwo\nthree\n");

  await fails("nothing to write", () => fs.writeFile("/data/c.txt", { a: 1 } as any), "ERR_INVALID_ARG_VALUE");
  await fails("no encoding", () => fs.writeFile("/data/c.txt", "x", "nonsense" as any), "ERR_INVALID_ARG_VALUE");
  is("untouched", await text("/data/c.txt"), "one\ntwo\nthree\n");
  await fs.copyFile("/data/target.txt", "/data/in");
  await fs.copyFile("/data/in", "/data/target.txt");
  await fails("a folder", () => fs.copyFile("/data", "/data/target.txt"), "EISDIR", "copyfile", "/data");
  is("onto itself", await text("/data/target.txt"), "target");
  await fs.copyFile("/data/target.txt", "/data/c.txt");
  is("onto a longer one", await text("/data/c.txt"), "target");

  const both = ["/data/m/a/b", "/data/m/a/b", "/data/m/a/c"].map((path) => fs.mkdir(path, { recursive: true }));
  is("made at once", (await Promise.all(both)).filter((made) => made !== undefined).length >= 2, true);
  is("read only, and there", await fs.mkdir("/fixed/sub", { recursive: true }), undefined);
  await fs.rm("/data/m", { recursive: true });
  const moved = await fails("moved to where nothing is written", () => fs.rename("/data/c.txt", "/fixed/c.txt"), "EACCES", "rename", "/data/c.txt");
  is("denied", [moved.kind, moved.dest, moved.hint.includes('guest = "/fixed"')], ["denied", "/fixed/c.txt", true]);

  const content = await fs.readFile("/fixed/note.txt");
  is("as text", [String(content), content.toString("hex").slice(0, 4), `${content.subarray(2, 6)}`], ["a note\n", "6120", "note"]);
  await fs.writeFile("/data/c.json", '{"a":[1]}');
  is("as JSON", JSON.parse((await fs.readFile("/data/c.json")) as any), { a: [1] });
  for (const [encoding, written, read] of [
    ["utf-16le", "h😀\ud83d", "h😀\ud83d"],
    ["ucs-2", "é", "é"],
    ["latin1", "é😀", "é=\0"],
    ["base64", " aGk\n== more", "aGk="],
    ["base64url", "_-8", "_-8"],
    ["hex", "6869zz68", "6869"],
  ] as const) {
    await fs.writeFile("/data/c.txt", written, encoding);
    is(encoding, await fs.readFile("/data/c.txt", encoding), read);
  }
  const broken = "/data/\ud83d.txt";
  await fs.writeFile(broken, "\ud83d");
  is("half a character", [await text("/data/\ufffd.txt"), await fs.readdir("/data")].flat().includes("\ufffd.txt"), true);
  await fs.unlink(broken);
  // None of what an operation holds stays behind when it fails.
  for (let count = 0; count < 11_000; count++) await fs.readFile("/data").catch(() => {});
}

function environment() {
  is("granted", [process.env.GREETING, process.env.PATH], ["hello", undefined]);
  is("names", [Object.keys(process.env), "GREETING" in process.env], [["GREETING"], true]);
  process.env.OWN = "x";
  is("its own", process.env.OWN, "x");
  delete process.env.OWN;
  is("the global", globalThis.process === process, true);
  is("where", process.cwd(), "/");
}

export default fixture(async () => {
  await files();
  await folders();
  await handles();
  await limits();
  await corners();
  environment();
});
