/**
 * `node:fs/promises`, over the folders that the plugin was granted. Paths are
 * those at which it sees them; one that begins with no slash starts at `/`.
 * Modes and owners are not there.
 */
import type { DirectoryEntry } from "wasi:filesystem/types@0.3.0";
import * as wit from "../wit.ts";
import { piecesOf, type Data, type Encoding } from "./encodings.ts";
import { denied, fileError, type FileError } from "./errors.ts";
import { open, withFile, withTarget, type FileHandle } from "./handle.ts";
import { dirname, join, relative, resolve } from "./path.ts";
import { at, check, locate, pathOf, type PathLike } from "./places.ts";
import { Dirent, Stats } from "./stats.ts";

export { open };

export const constants = { F_OK: 0, X_OK: 1, W_OK: 2, R_OK: 4, COPYFILE_EXCL: 1 } as const;

type FileOptions = Encoding | { encoding?: Encoding | null; flag?: string; signal?: AbortLike } | null;
interface AbortLike {
  throwIfAborted(): void;
}

const optionsOf = (options: FileOptions | undefined) =>
  typeof options === "string" ? { encoding: options } : (options ?? {});

const isMissing = (error: unknown) => (error as FileError).code === "ENOENT";

export async function readFile(path: PathLike | FileHandle, options?: FileOptions): Promise<any> {
  const { encoding, flag = "r", signal } = optionsOf(options) as { encoding?: Encoding; flag?: string; signal?: AbortLike };
  signal?.throwIfAborted();
  if (isHandle(path)) return path.readFile(encoding);
  return withFile(path, flag, (file) => file.readFile(encoding));
}

export async function writeFile(path: PathLike | FileHandle, data: Data, options?: FileOptions): Promise<void> {
  return put(path, data, options, "w");
}

export async function appendFile(path: PathLike | FileHandle, data: Data, options?: FileOptions): Promise<void> {
  return put(path, data, options, "a");
}

async function put(path: PathLike | FileHandle, data: Data, options: FileOptions | undefined, flags: string) {
  const { encoding, flag = flags, signal } = optionsOf(options) as { encoding?: Encoding; flag?: string; signal?: AbortLike };
  signal?.throwIfAborted();
  if (isHandle(path)) return path.writeFile(data, encoding);
  // Before there is nothing left of what is in the file.
  const pieces = piecesOf(data, encoding ?? "utf8");
  return withFile(path, flag, (file) => file.writeFile(pieces));
}

const isHandle = (path: PathLike | FileHandle): path is FileHandle =>
  typeof path === "object" && path !== null && "fd" in path;

/** Entries of a folder that are taken at once. */
const BATCH = 64;

async function entries(path: PathLike, syscall = "scandir"): Promise<DirectoryEntry[]> {
  const place = locate(path, syscall);
  const deed = { syscall, path: place.path };
  const folder = await at(place, deed, () =>
    place.folder.openAt({ symlinkFollow: true }, place.name, { directory: true }, { read: true }),
  );
  try {
    const [stream, outcome] = folder.readDirectory();
    const all: DirectoryEntry[] = [];
    for (;;) {
      const some = await wit.read(stream, BATCH);
      if (some.length === 0) break;
      all.push(...(some as DirectoryEntry[]));
    }
    stream.drop();
    await check(outcome, deed);
    return all.sort((a, b) => (a.name < b.name ? -1 : 1));
  } finally {
    folder[Symbol.dispose]();
  }
}

interface ReaddirOptions {
  encoding?: string | null;
  withFileTypes?: boolean;
  recursive?: boolean;
}

export async function readdir(path: PathLike, options?: ReaddirOptions | string | null): Promise<any[]> {
  const { withFileTypes = false, recursive = false } = typeof options === "object" && options ? options : {};
  const root = pathOf(path);
  const found: Dirent[] = [];
  const folders = [root];
  for (let folder = folders.shift(); folder !== undefined; folder = folders.shift()) {
    for (const entry of await entries(folder)) {
      const dirent = new Dirent(entry, folder);
      found.push(dirent);
      if (recursive && dirent.isDirectory()) folders.push(join(folder, dirent.name));
    }
  }
  return withFileTypes ? found : found.map(({ name, parentPath }) => join(relative(root, parentPath), name));
}

export async function mkdir(
  path: PathLike,
  options?: { recursive?: boolean; mode?: number | string } | number | string | null,
): Promise<string | undefined> {
  const recursive = typeof options === "object" && options !== null && options.recursive === true;
  const place = locate(path, "mkdir");
  const make = () => at(place, { syscall: "mkdir" }, () => place.folder.createDirectoryAt(place.name));
  if (!recursive) return make().then(() => undefined);
  const whole = resolve(place.path);
  // What is the root of a grant is there.
  if (place.name === ".") return undefined;
  // Somebody else may make it at the same time; what is there needs no grant to write.
  const makeOrFind = () =>
    make().then(
      () => whole,
      async (error) => {
        if (!isMissing(error) && (await isFolder(path))) return undefined;
        throw error;
      },
    );
  try {
    return await makeOrFind();
  } catch (error) {
    if (!isMissing(error)) throw error;
    const first = await mkdir(dirname(whole), { recursive });
    const last = await makeOrFind();
    return first ?? last;
  }
}

const isFolder = (path: PathLike) =>
  stat(path).then(
    (there) => there.isDirectory(),
    () => false,
  );

async function statWith(path: PathLike, syscall: string, symlinkFollow: boolean): Promise<Stats> {
  const place = locate(path, syscall);
  return new Stats(await at(place, { syscall }, () => place.folder.statAt({ symlinkFollow }, place.name)));
}

export const stat = (path: PathLike): Promise<Stats> => statWith(path, "stat", true);
export const lstat = (path: PathLike): Promise<Stats> => statWith(path, "lstat", false);

/** Whether something is there, and may be written to as far as the grant goes. */
export async function access(path: PathLike, mode: number = constants.F_OK): Promise<void> {
  await statWith(path, "access", true);
  const place = locate(path, "access");
  if ((mode & constants.W_OK) === 0) return;
  const { mutateDirectory } = await place.folder.getFlags();
  if (mutateDirectory === false) throw denied({ syscall: "access", path: place.path }, place.root, "read-write");
}

export async function unlink(path: PathLike): Promise<void> {
  const place = locate(path, "unlink");
  await at(place, { syscall: "unlink" }, () => place.folder.unlinkFileAt(place.name));
}

export async function rmdir(path: PathLike): Promise<void> {
  const place = locate(path, "rmdir");
  await at(place, { syscall: "rmdir" }, () => place.folder.removeDirectoryAt(place.name));
}

export async function rm(path: PathLike, options: { recursive?: boolean; force?: boolean } = {}): Promise<void> {
  const { recursive = false, force = false } = options;
  try {
    if (!(await statWith(path, "rm", false)).isDirectory()) return await unlink(path);
    if (!recursive) {
      const error = fileError("is-directory", { syscall: "rm", path: pathOf(path) });
      throw Object.assign(error, { code: "ERR_FS_EISDIR" });
    }
    for (const { name } of await entries(path, "rm")) await rm(join(pathOf(path), name), options);
    await rmdir(path);
  } catch (error) {
    if (!force || !isMissing(error)) throw error;
  }
}

export async function rename(from: PathLike, to: PathLike): Promise<void> {
  const [source, target] = [locate(from, "rename"), locate(to, "rename")];
  const move = () => source.folder.renameAt(source.name, target.folder, target.name);
  await at(source, { syscall: "rename", dest: target.path }, move, target);
}

export async function copyFile(from: PathLike, to: PathLike, mode: number = 0): Promise<void> {
  const isNew = (mode & constants.COPYFILE_EXCL) !== 0;
  await withFile(from, "r", (source) => withTarget(to, isNew, (target) => source.copyTo(target)));
}

export async function readlink(path: PathLike): Promise<string> {
  const place = locate(path, "readlink");
  return at(place, { syscall: "readlink" }, () => place.folder.readlinkAt(place.name));
}

export async function truncate(path: PathLike, length = 0): Promise<void> {
  await withFile(path, "r+", (file) => file.truncate(length));
}

export default {
  access,
  appendFile,
  constants,
  copyFile,
  lstat,
  mkdir,
  open,
  readFile,
  readdir,
  readlink,
  rename,
  rm,
  rmdir,
  stat,
  truncate,
  unlink,
  writeFile,
};
