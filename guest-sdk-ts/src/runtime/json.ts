/**
 * JSON that says what a value is, or an error that says why it cannot: never
 * `null` for a number, `{}` for what is no plain data, or another integer.
 */

import { mayBeLong, shortenAll, stringify } from "./number.ts";

/** The most characters of a value's path in an error: keys may be of any length. */
const PATH = 200;

/** What JSON cannot say, by the tag that the standards give it, and what to give in its place. */
const INSTEAD: { [tag: string]: string } = {
  Map: "give `Object.fromEntries(map)` or `[...map]`",
  Set: "give `[...set]`",
  Promise: "`await` it",
  RegExp: "give its `source`",
  Error: "give its `message`, or throw it",
  DOMException: "give its `message`, or throw it",
  ArrayBuffer: "give `Array.from(new Uint8Array(it))`, or a text such as Base64",
  SharedArrayBuffer: "give `Array.from(new Uint8Array(it))`, or a text such as Base64",
  DataView: "give the numbers in it",
  Response: "give `await response.json()` or `await response.text()`",
  Request: "give `await request.json()` or `await request.text()`",
  Headers: "give `Object.fromEntries(headers)`",
  URLSearchParams: "give `Object.fromEntries(it)` or `String(it)`",
  ReadableStream: "read it, and collect it: `await Array.fromAsync(stream)`",
};
/** What has a tag, and nothing for which there is a rule. */
const UNSAYABLE = /^(WeakMap|WeakSet|WeakRef|FinalizationRegistry|WritableStream|TransformStream|Abort(Controller|Signal)|(Custom)?Event(Target)?|Text(De|En)coder(Stream)?)$/;

/** A value in something's way to JSON. */
class Unsayable extends TypeError {
  override name = "TypeError";
}

/**
 * The value as JSON, by the rules of `JSON.stringify`; `root` is what errors call it.
 *
 * @throws {TypeError} with its place, for what JSON cannot say.
 */
export function toJson(value: unknown, root: string): string {
  /** The objects above what is being written, and the keys that they have. */
  const above: object[] = [];
  const keys: string[] = [];
  let isLong = false;
  const refuse = (key: string | undefined, what: string, instead?: string): never => {
    const path = pathOf(root, above, key === undefined ? keys : [...keys, key]);
    const advice = instead ? `: ${instead}` : "";
    throw new Unsayable(`\`${path}\` is ${what}, which JSON cannot say${advice}`);
  };
  function check(this: object, key: string, value: any): unknown {
    const kind = typeof value;
    if (kind === "string" || kind === "boolean" || kind === "undefined" || value === null) return value;
    if (kind === "number" && value - value === 0) {
      isLong ||= mayBeLong(value);
      return value;
    }
    while (above.length > 0 && above[above.length - 1] !== this) {
      above.pop();
      keys.pop();
    }
    const own = above.length === 0 && keys.length === 0 ? undefined : key;
    if (kind === "object") {
      const unsayable = unsayableIn(value, own === undefined && above.length === 0);
      if (unsayable) refuse(own, ...unsayable);
      above.push(value);
      if (own !== undefined) keys.push(key);
      return value;
    }
    if (kind === "number") refuse(own, String(value), "give `null`, or a text, in its place");
    if (kind === "bigint") refuse(own, "a BigInt", "give `String(it)`, or `Number(it)` where that is exact");
    // What is the property of an object is left out, by JSON's own rule.
    if (own === undefined || Array.isArray(this)) refuse(own, `a ${kind}`, kind === "function" ? "call it" : undefined);
    return value;
  }
  try {
    const json = stringify(value, check) ?? "null";
    return isLong ? shortenAll(json) : json;
  } catch (error) {
    const last = above.at(-1);
    if (!(error instanceof Unsayable) && last && above.indexOf(last) < above.length - 1) {
      refuse(undefined, "circular, a part of itself");
    }
    throw error;
  }
}

/** What a value is and what to do, when JSON would lose what it holds. */
function unsayableIn(value: any, isRoot: boolean): [string, string?] | undefined {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Array.prototype) return undefined;
  if (prototype === Object.prototype || prototype === null) {
    // Nobody hands out one of these as data, but as what a function gave.
    const iterable = typeof value.next === "function" || (isRoot && Symbol.asyncIterator in value);
    return iterable ? iterator("Object", Symbol.asyncIterator in value) : undefined;
  }
  const tag = Object.prototype.toString.call(value).slice("[object ".length, -1);
  if (Array.isArray(value) || tag === "Date" || tag === "String" || tag === "Boolean") return undefined;
  if (tag === "Number") return Number.isFinite(Number(value)) ? undefined : [String(value)];
  if (Symbol.asyncIterator in value && !(tag in INSTEAD)) return iterator(tag, true);
  if (Symbol.iterator in value && typeof value.next === "function") return iterator(tag, false);
  const name = value.constructor?.name || tag;
  const instead = INSTEAD[value instanceof Error ? "Error" : tag];
  if (instead) return [article(name), instead];
  if (ArrayBuffer.isView(value)) return [article(tag), "give `Array.from(it)`, or a text such as Base64"];
  if (UNSAYABLE.test(tag)) return [article(name)];
  if (tag === "BigInt") return ["a BigInt"];
  if (typeof value.then === "function") return [article(name), "`await` it"];
  if (Object.keys(value).length > 0) return undefined;
  if (Symbol.iterator in value) return [article(name), "collect it: `Array.from(it)`"];
  return [`${article(name)} without properties`, "give what it holds, or give its class a `toJSON()`"];
}

function iterator(tag: string, isAsync: boolean): [string, string] {
  const name = tag === "Object" ? (isAsync ? "async iterator" : "iterator") : tag;
  return [article(name), isAsync ? "collect it: `await Array.fromAsync(it)`" : "collect it: `Array.from(it)`"];
}

const article = (name: string): string => `${/^([AEIO]|Un)/i.test(name) ? "an" : "a"} ${name}`;

function pathOf(root: string, above: readonly object[], keys: readonly string[]): string {
  let path = root;
  for (const [at, key] of keys.entries()) {
    if (Array.isArray(above[at])) path += `[${key}]`;
    else path += /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
    if (path.length > PATH) return `${path.slice(0, PATH)}...`;
  }
  return path;
}

/** What an integer that no `number` holds has at least. Nothing more: it is looked for in all there is. */
const LARGE = /\d{16}/;
/** The same where it is no part of a text or fraction. */
const LARGE_NUMBER = /(?:^|[\s:,[-])\d{16}/;

/** A number that was lost, by its text. */
class Lost {
  constructor(readonly source: string) {}
}

/**
 * The value of a JSON text; `root` is what errors call it.
 *
 * @throws {RangeError} with its place, for an integer that a `number` does not hold exactly.
 */
export function fromJson(text: string, root: string, instead: string): any {
  if (!LARGE.test(text) || !LARGE_NUMBER.test(text)) return JSON.parse(text);
  const lost: Lost[] = [];
  const value: unknown = JSON.parse(text, (_key, value, context?: { source?: string }) => {
    if (typeof value !== "number" || isExact(value, context?.source)) return value;
    lost.push(new Lost(context?.source ?? String(value)));
    return lost.at(-1);
  });
  const [first] = lost;
  if (!first) return value;
  const path = pathTo(value, first, [], []) ?? { above: [], keys: [] };
  const place = pathOf(root, path.above, path.keys);
  const source = first.source.slice(0, PATH);
  throw new RangeError(`\`${place}\` is ${source}, which a number in JavaScript does not hold exactly: ${instead}`);
}

/** Fractions are rounded, as everywhere; integers are not. */
function isExact(value: number, source: string | undefined): boolean {
  if (!Number.isFinite(value)) return false;
  if (Number.isSafeInteger(value) || !Number.isInteger(value)) return true;
  if (source === undefined) return false;
  return /[.eE]/.test(source) || BigInt(source) === BigInt(value);
}

function pathTo(value: unknown, lost: Lost, above: object[], keys: string[]): { above: object[]; keys: string[] } | undefined {
  if (value === lost) return { above, keys };
  if (typeof value !== "object" || value === null || value instanceof Lost) return undefined;
  for (const [key, item] of Object.entries(value)) {
    const path = pathTo(item, lost, [...above, value], [...keys, key]);
    if (path) return path;
  }
  return undefined;
}
