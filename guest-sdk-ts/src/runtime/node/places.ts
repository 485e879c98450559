/** The folders that a plugin was granted, and where in them a path lies. */
import preopens from "wasi:filesystem/preopens@0.3.0";
import type { Descriptor } from "wasi:filesystem/types@0.3.0";
import { askedAt, assertRunning, standing } from "../phase.ts";
import { badArgument, denied, errorOf, fileError, type Deed } from "./errors.ts";
import { resolve } from "./path.ts";

export type PathLike = string | { href: string };

/** Where a path lies: in this folder, under this name relative to it. */
export interface Place {
  folder: Descriptor;
  /** The folder's own path. */
  root: string;
  name: string;
  /** The whole path. */
  path: string;
  /** Where the plugin asked for it. */
  stack: string | undefined;
}

let folders: (readonly [path: string, folder: Descriptor])[] | undefined;

/** The granted folders, the deepest first. */
function granted(): (readonly [path: string, folder: Descriptor])[] {
  folders ??= preopens
    .getDirectories()
    .map(([folder, path]) => [resolve(path), folder] as const)
    .sort(([a], [b]) => b.length - a.length);
  return folders;
}

/** A path as text. Relative ones start at `/`, where every program here is. */
export function pathOf(path: PathLike): string {
  const text = typeof path === "object" && path !== null ? fromFileUrl(path) : path;
  if (typeof text !== "string") throw badArgument("the path is not a string or a file URL");
  if (text === "" || text.includes("\0")) throw badArgument("the path is empty or has a NUL in it");
  return text.toWellFormed();
}

function fromFileUrl({ href }: { href: string }): string {
  if (typeof href !== "string" || !href.startsWith("file:///")) throw badArgument("the URL is not of a file");
  return decodeURIComponent(href.slice("file://".length).replace(/[?#].*$/s, ""));
}

export function locate(path: PathLike, syscall: string): Place {
  assertRunning(syscall);
  const given = pathOf(path);
  const whole = resolve(given);
  for (const [root, folder] of granted()) {
    const inside = root === "/" ? whole : `${whole}/`.startsWith(`${root}/`) && whole.slice(root.length);
    if (inside !== false) return { folder, root, name: inside.replace(/^\/+/, "") || ".", path: given, stack: standing() };
  }
  const parent = `/${whole.split("/")[1] ?? ""}`;
  throw denied({ syscall, path: given }, parent, "read");
}

/** Runs an operation on places. What it throws becomes an error like Node's. */
export async function at<T>(place: Place, deed: Deed, operation: () => T | Promise<T>, target?: Place): Promise<T> {
  try {
    return await operation();
  } catch (thrown) {
    throw askedAt(await explain(thrown, { path: place.path, ...deed }, place, target), place.stack);
  }
}

/** The error as Node has it. Tells what the grant does not allow from what the system does not. */
export async function explain(thrown: unknown, deed: Deed, ...places: (Place | undefined)[]): Promise<Error> {
  const error = errorOf(thrown, deed);
  const { code } = error as { code?: string };
  if (code !== "EPERM" && code !== "EROFS") return error;
  for (const place of places) {
    const flags = await place?.folder.getFlags().catch(() => undefined);
    if (place && flags?.mutateDirectory === false) return denied(deed, place.root, "read-write");
  }
  return error;
}

/** The error that a stream or a write ended with, if it ended with one. */
export async function check(outcome: FutureReadable<Result<void, { tag: string }>>, deed: Deed): Promise<void> {
  try {
    const result = await outcome.read();
    if (result.tag === "err") throw fileError(result.val.tag, deed);
  } finally {
    outcome.drop();
  }
}
