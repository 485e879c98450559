/** The modules of Node that plugins have, for the compiler. */

declare module "node:fs/promises" {
  type Encoding =
    | "utf8" | "utf-8" | "ascii" | "latin1" | "binary" | "hex" | "base64" | "base64url"
    | "utf16le" | "utf-16le" | "ucs2" | "ucs-2";
  /** What is read of a file: bytes, and text in an encoding, UTF-8 where none is named. */
  interface Content extends Uint8Array<ArrayBuffer> {
    toString(encoding?: Encoding): string;
  }
  /** A path as the plugin sees it, or a `file:` URL. One that begins with no slash starts at `/`. */
  type PathLike = string | { href: string };
  type Data =
    | string
    | ArrayBufferView
    | ArrayBuffer
    | Iterable<string | ArrayBufferView>
    | AsyncIterable<string | ArrayBufferView>;
  interface Aborts {
    throwIfAborted(): void;
  }
  interface TextOptions {
    encoding: Encoding;
    flag?: string;
    signal?: Aborts;
  }
  interface BytesOptions {
    encoding?: null;
    flag?: string;
    signal?: Aborts;
  }
  interface WriteOptions {
    encoding?: Encoding | null;
    flag?: string;
    signal?: Aborts;
  }

  /** What a file operation is rejected with. */
  interface FileError extends Error {
    /** As Node has it, like `ENOENT`. */
    code: string;
    errno: number;
    syscall: string;
    path?: string;
    dest?: string;
    /** `denied` for what was not granted. */
    kind?: string;
    /** What to do about it. */
    hint?: string;
  }

  interface Kind {
    isFile(): boolean;
    isDirectory(): boolean;
    isSymbolicLink(): boolean;
    isBlockDevice(): boolean;
    isCharacterDevice(): boolean;
    isFIFO(): boolean;
    isSocket(): boolean;
  }
  interface Stats extends Kind {
    readonly mode: number;
    readonly nlink: number;
    readonly size: number;
    readonly atimeMs: number;
    readonly mtimeMs: number;
    readonly ctimeMs: number;
    readonly birthtimeMs: number;
    readonly atime: Date;
    readonly mtime: Date;
    readonly ctime: Date;
    readonly birthtime: Date;
  }
  interface Dirent extends Kind {
    readonly name: string;
    readonly parentPath: string;
  }

  interface FileHandle {
    readonly fd: number;
    read(): Promise<{ bytesRead: number; buffer: Content }>;
    read<T extends ArrayBufferView>(
      buffer: T,
      offset?: number | null,
      length?: number | null,
      position?: number | bigint | null,
    ): Promise<{ bytesRead: number; buffer: T }>;
    read<T extends ArrayBufferView>(
      buffer: T,
      options: { offset?: number; length?: number; position?: number | bigint | null },
    ): Promise<{ bytesRead: number; buffer: T }>;
    read<T extends ArrayBufferView>(options: {
      buffer: T;
      offset?: number;
      length?: number;
      position?: number | bigint | null;
    }): Promise<{ bytesRead: number; buffer: T }>;
    write<T extends ArrayBufferView>(
      buffer: T,
      offset?: number | null,
      length?: number | null,
      position?: number | bigint | null,
    ): Promise<{ bytesWritten: number; buffer: T }>;
    write(
      data: string,
      position?: number | bigint | null,
      encoding?: Encoding | null,
    ): Promise<{ bytesWritten: number; buffer: string }>;
    readFile(options: Encoding | { encoding: Encoding }): Promise<string>;
    readFile(options?: { encoding?: null } | null): Promise<Content>;
    writeFile(data: Data, options?: Encoding | WriteOptions | null): Promise<void>;
    appendFile(data: Data, options?: Encoding | WriteOptions | null): Promise<void>;
    stat(): Promise<Stats>;
    truncate(length?: number): Promise<void>;
    sync(): Promise<void>;
    datasync(): Promise<void>;
    close(): Promise<void>;
  }

  const constants: {
    readonly F_OK: 0;
    readonly X_OK: 1;
    readonly W_OK: 2;
    readonly R_OK: 4;
    readonly COPYFILE_EXCL: 1;
  };
  function access(path: PathLike, mode?: number): Promise<void>;
  function appendFile(path: PathLike | FileHandle, data: Data, options?: Encoding | WriteOptions | null): Promise<void>;
  function copyFile(from: PathLike, to: PathLike, mode?: number): Promise<void>;
  function lstat(path: PathLike): Promise<Stats>;
  function mkdir(path: PathLike, options: { recursive: true; mode?: number | string }): Promise<string | undefined>;
  function mkdir(path: PathLike, options?: { recursive?: false; mode?: number | string } | number | null): Promise<void>;
  function open(path: PathLike, flags?: string, mode?: number): Promise<FileHandle>;
  function readFile(path: PathLike | FileHandle, options: Encoding | TextOptions): Promise<string>;
  function readFile(path: PathLike | FileHandle, options?: BytesOptions | null): Promise<Content>;
  function readdir(path: PathLike, options: { withFileTypes: true; recursive?: boolean }): Promise<Dirent[]>;
  function readdir(path: PathLike, options?: { withFileTypes?: false; recursive?: boolean } | null): Promise<string[]>;
  function readlink(path: PathLike): Promise<string>;
  function rename(from: PathLike, to: PathLike): Promise<void>;
  function rm(path: PathLike, options?: { recursive?: boolean; force?: boolean }): Promise<void>;
  function rmdir(path: PathLike): Promise<void>;
  function stat(path: PathLike): Promise<Stats>;
  function truncate(path: PathLike, length?: number): Promise<void>;
  function unlink(path: PathLike): Promise<void>;
  function writeFile(path: PathLike | FileHandle, data: Data, options?: Encoding | WriteOptions | null): Promise<void>;
}

declare module "node:fs" {
  import * as promises from "node:fs/promises";
  const constants: typeof promises.constants;
  export { constants, promises };
}

declare module "node:path" {
  interface ParsedPath {
    root: string;
    dir: string;
    base: string;
    ext: string;
    name: string;
  }
  interface Path {
    readonly sep: "/";
    readonly delimiter: ":";
    basename(path: string, suffix?: string): string;
    dirname(path: string): string;
    extname(path: string): string;
    format(path: Partial<ParsedPath>): string;
    isAbsolute(path: string): boolean;
    join(...paths: string[]): string;
    normalize(path: string): string;
    parse(path: string): ParsedPath;
    relative(from: string, to: string): string;
    resolve(...paths: string[]): string;
    toNamespacedPath(path: string): string;
    readonly posix: Path;
  }
  const path: Path;
  export default path;
  export const sep: Path["sep"];
  export const delimiter: Path["delimiter"];
  export const basename: Path["basename"];
  export const dirname: Path["dirname"];
  export const extname: Path["extname"];
  export const format: Path["format"];
  export const isAbsolute: Path["isAbsolute"];
  export const join: Path["join"];
  export const normalize: Path["normalize"];
  export const parse: Path["parse"];
  export const relative: Path["relative"];
  export const resolve: Path["resolve"];
  export const toNamespacedPath: Path["toNamespacedPath"];
  export const posix: Path;
}

declare module "node:process" {
  const process: import("./web.js").Process;
  export default process;
  export const env: import("./web.js").Process["env"];
  export const cwd: import("./web.js").Process["cwd"];
  export const nextTick: import("./web.js").Process["nextTick"];
}

declare module "fs/promises" {
  export * from "node:fs/promises";
}
declare module "fs" {
  export * from "node:fs";
}
declare module "path" {
  export * from "node:path";
  export { default } from "node:path";
}
declare module "process" {
  export * from "node:process";
  export { default } from "node:process";
}
