/** `node:path`, for paths with slashes. */

export const sep = "/";
export const delimiter = ":";

export interface ParsedPath {
  root: string;
  dir: string;
  base: string;
  ext: string;
  name: string;
}

/** Without empty and `.` parts; `..` takes the part before it away where it can. */
function simplify(path: string, absolute: boolean): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.length > 0 && parts.at(-1) !== "..") parts.pop();
    else if (!absolute) parts.push("..");
  }
  return parts.join("/");
}

function check(path: unknown): string {
  if (typeof path === "string") return path;
  throw Object.assign(new TypeError("the path is not a string"), { code: "ERR_INVALID_ARG_TYPE" });
}

export function isAbsolute(path: string): boolean {
  return check(path).startsWith("/");
}

export function normalize(path: string): string {
  if (check(path) === "") return ".";
  const absolute = isAbsolute(path);
  const simple = simplify(path, absolute);
  const slash = path.endsWith("/") ? "/" : "";
  if (absolute) return `/${simple}${simple && slash}`;
  return (simple || ".") + slash;
}

export function join(...paths: string[]): string {
  const joined = paths.filter((path) => check(path) !== "").join("/");
  return joined === "" ? "." : normalize(joined);
}

/** An absolute path: later parts win, and the current folder is `/`. */
export function resolve(...paths: string[]): string {
  let whole = "";
  for (const path of paths) if (check(path) !== "") whole = path.startsWith("/") ? path : `${whole}/${path}`;
  return `/${simplify(whole, true)}`;
}

export function relative(from: string, to: string): string {
  const [start, end] = [resolve(from), resolve(to)].map((path) => path.split("/").filter(Boolean)) as [string[], string[]];
  let common = 0;
  while (common < start.length && common < end.length && start[common] === end[common]) common += 1;
  return [...start.slice(common).fill(".."), ...end.slice(common)].join("/");
}

/** The path without slashes at its end, but for the root's own. */
function trimmed(path: string): string {
  let end = check(path).length;
  while (end > 1 && path[end - 1] === "/") end -= 1;
  return path.slice(0, end);
}

export function dirname(path: string): string {
  const whole = trimmed(path);
  const slash = whole.lastIndexOf("/");
  if (slash < 0) return ".";
  const folder = whole.slice(0, slash);
  // Of several slashes one goes; but two at the beginning stay.
  return folder === "" ? "/" : folder === "/" ? "//" : folder;
}

export function basename(path: string, suffix = ""): string {
  if (path === suffix) return "";
  const whole = trimmed(path);
  const base = whole.slice(whole.lastIndexOf("/") + 1);
  return base !== suffix && base.endsWith(suffix) ? base.slice(0, base.length - suffix.length) : base;
}

export function extname(path: string): string {
  const base = basename(path);
  const dot = base.lastIndexOf(".");
  return dot <= 0 || base === ".." ? "" : base.slice(dot);
}

export function parse(path: string): ParsedPath {
  const root = isAbsolute(path) ? "/" : "";
  const base = basename(path);
  const ext = extname(path);
  const whole = trimmed(path);
  const dir = whole.slice(0, whole.lastIndexOf("/")) || root;
  return { root, dir: whole.includes("/") ? dir : "", base, ext, name: ext ? base.slice(0, -ext.length) : base };
}

export function format({ dir, root = "", base, name = "", ext = "" }: Partial<ParsedPath>): string {
  const file = base ?? name + (ext && !ext.startsWith(".") ? "." : "") + ext;
  if (!dir) return root + file;
  return dir === root ? dir + file : `${dir}/${file}`;
}

export const toNamespacedPath = (path: string): string => path;

const posix = {
  sep,
  delimiter,
  isAbsolute,
  normalize,
  join,
  resolve,
  relative,
  dirname,
  basename,
  extname,
  parse,
  format,
  toNamespacedPath,
};
export { posix };
export default Object.assign(posix, { posix });
