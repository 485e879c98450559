/** Errors as Node's file system has them. */
import type { ErrorCode } from "wasi:filesystem/types@0.3.0";

/** Node's code and number, and the words that go with them, for each of WASI's. */
const CODES: { [tag: string]: readonly [code: string, errno: number, text: string] } = {
  access: ["EACCES", 13, "permission denied"],
  "bad-descriptor": ["EBADF", 9, "bad file descriptor"],
  busy: ["EBUSY", 16, "resource busy or locked"],
  "cross-device": ["EXDEV", 18, "cross-device link not permitted"],
  exist: ["EEXIST", 17, "file already exists"],
  "file-too-large": ["EFBIG", 27, "file too large"],
  "illegal-byte-sequence": ["EILSEQ", 84, "illegal byte sequence"],
  "insufficient-space": ["ENOSPC", 28, "no space left on device"],
  invalid: ["EINVAL", 22, "invalid argument"],
  io: ["EIO", 5, "i/o error"],
  "is-directory": ["EISDIR", 21, "illegal operation on a directory"],
  loop: ["ELOOP", 40, "too many symbolic links encountered"],
  "name-too-long": ["ENAMETOOLONG", 36, "name too long"],
  "no-entry": ["ENOENT", 2, "no such file or directory"],
  "not-directory": ["ENOTDIR", 20, "not a directory"],
  "not-empty": ["ENOTEMPTY", 39, "directory not empty"],
  "not-permitted": ["EPERM", 1, "operation not permitted"],
  quota: ["EDQUOT", 122, "disk quota exceeded"],
  "read-only": ["EROFS", 30, "read-only file system"],
  "text-file-busy": ["ETXTBSY", 26, "text file is busy"],
  unsupported: ["ENOTSUP", 95, "operation not supported"],
};

/** An error of a file operation. */
export interface FileError extends Error {
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

/** What was done, and to what. */
export interface Deed {
  syscall: string;
  path?: string | undefined;
  dest?: string | undefined;
}

export function fileError(tag: string, deed: Deed): FileError {
  const [code, errno, text] = CODES[tag] ?? ["EIO", 5, tag];
  const paths = [deed.path, deed.dest].filter((path) => path !== undefined).map((path) => `'${path}'`);
  const message = `${code}: ${text}, ${deed.syscall} ${paths.join(" -> ")}`.trimEnd();
  return Object.assign(new Error(message), { code, errno: -errno, ...deed });
}

/** A folder's name that hints repeat: another may be anything, a secret too. */
const PLAIN = /^\/[a-z]{1,12}$/;

/** The error of something that the manifest does not ask for or the operator does not allow. */
export function denied(deed: Deed, folder: string, access: "read" | "read-write"): FileError {
  const guest = PLAIN.test(folder) ? folder : "/…";
  const lines = ["[[capabilities.filesystem]]", `guest = "${guest}"`, `path = "…"`, `access = "${access}"`];
  const error = fileError("access", deed);
  error.kind = "denied";
  // Which of the two is missing the host knows: it says so in the plugin's log, and puts it here if nobody catches this.
  error.hint = `the manifest asks for a folder, and the operator's policy allows it; the log and \`distri grants\` say which of them lacks it. A manifest asks like this:\n${lines.join("\n")}`;
  return error;
}

/** A file operation's error, as the host reports it. */
export function errorOf(thrown: unknown, deed: Deed): Error {
  const code = ((thrown as { payload?: unknown })?.payload ?? thrown) as ErrorCode | Error | undefined;
  if (code instanceof Error || typeof code?.tag !== "string") return thrown as Error;
  return fileError(code.tag, deed);
}

/** The error of a number that is out of bounds. */
export function outOfRange(message: string): RangeError {
  return Object.assign(new RangeError(message), { code: "ERR_OUT_OF_RANGE" });
}

/** The error of an argument that is not what it should be. */
export function badArgument(message: string): TypeError {
  return Object.assign(new TypeError(message), { code: "ERR_INVALID_ARG_VALUE" });
}
