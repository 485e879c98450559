/** `Headers` by the Fetch standard. */
import type * as web from "../../platform/web.js";
import { INSPECT } from "../format.ts";
import { define } from "./define.ts";

/** Who may change headers: of what came from the network, nobody. */
export type Guard = "none" | "request" | "immutable";

/**
 * What a request's sender does not decide: what connections and their framing
 * need. The length of a body is one of them, and so is its compression, which
 * nothing here undoes. They are left out without a word, as in browsers.
 */
const FORBIDDEN = new Set([
  "accept-encoding",
  "connection",
  "expect",
  "host",
  "http2-settings",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** What names of headers and methods are made of. */
export const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** A string of bytes, each one a code unit. */
function byteString(value: unknown, what: string): string {
  const text = String(value);
  if (/[^\0-\xff]/.test(text)) throw new TypeError(`Headers: the ${what} has a character that is not a byte`);
  return text;
}

function checkName(value: unknown): string {
  const name = byteString(value, "name");
  if (!TOKEN.test(name)) throw new TypeError(`Headers: "${name}" is not a name`);
  return name.toLowerCase();
}

function checkValue(value: unknown): string {
  const text = byteString(value, "value").replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, "");
  if (/[\0\n\r]/.test(text)) throw new TypeError("Headers: a value is one line");
  return text;
}

/** Headers with this guard. */
export let guarded: (guard: Guard, init?: web.HeadersInit) => Headers;
/** Those of an answer, as the network gave them. */
export let received: (pairs: readonly [string, string][]) => Headers;
/** Each pair as it was given, names in lower case. */
export let pairsOf: (headers: Headers) => readonly (readonly [string, string])[];

export class Headers implements web.Headers {
  #pairs: [string, string][] = [];
  /** What `entries` gives, until something changes. */
  #inOrder: [string, string][] | undefined;
  #guard: Guard = "none";

  static {
    guarded = (guard, init) => {
      const headers = new Headers();
      headers.#guard = guard === "immutable" ? "none" : guard;
      headers.#fill(init);
      headers.#guard = guard;
      return headers;
    };
    received = (pairs) => {
      const headers = new Headers();
      headers.#pairs = pairs.map(([name, value]) => [name.toLowerCase(), value]);
      headers.#guard = "immutable";
      return headers;
    };
    pairsOf = (headers) => headers.#pairs;
  }

  constructor(init?: web.HeadersInit) {
    this.#fill(init);
  }

  #fill(init: web.HeadersInit | undefined): void {
    if (init === undefined) return;
    if ((typeof init !== "object" && typeof init !== "function") || init === null) {
      throw new TypeError("Headers: not an object or a list of pairs");
    }
    if (init instanceof Headers) {
      for (const [name, value] of init.#pairs) this.append(name, value);
    } else if (typeof (init as Iterable<unknown>)[Symbol.iterator] === "function") {
      for (const pair of init as Iterable<Iterable<string>>) {
        const parts = typeof pair === "object" && pair !== null ? [...pair] : [];
        if (parts.length !== 2) throw new TypeError("Headers: each pair has a name and a value");
        this.append(parts[0] as string, parts[1] as string);
      }
    } else {
      for (const [name, value] of Object.entries(init)) this.append(name, value);
    }
  }

  /** Whether this may be changed. */
  #admits(name: string): boolean {
    if (this.#guard === "immutable") throw new TypeError("Headers: these cannot be changed");
    this.#inOrder = undefined;
    return this.#guard !== "request" || !FORBIDDEN.has(name);
  }

  append(name: string, value: string): void {
    const [key, text] = [checkName(name), checkValue(value)];
    if (this.#admits(key)) this.#pairs.push([key, text]);
  }
  delete(name: string): void {
    const key = checkName(name);
    if (this.#admits(key)) this.#pairs = this.#pairs.filter(([known]) => known !== key);
  }
  get(name: string): string | null {
    const key = checkName(name);
    const values = this.#pairs.filter(([known]) => known === key).map(([, value]) => value);
    return values.length > 0 ? values.join(", ") : null;
  }
  getSetCookie(): string[] {
    return this.#pairs.filter(([known]) => known === "set-cookie").map(([, value]) => value);
  }
  has(name: string): boolean {
    const key = checkName(name);
    return this.#pairs.some(([known]) => known === key);
  }
  set(name: string, value: string): void {
    const [key, text] = [checkName(name), checkValue(value)];
    if (!this.#admits(key)) return;
    const first = this.#pairs.findIndex(([known]) => known === key);
    if (first < 0) {
      this.#pairs.push([key, text]);
      return;
    }
    const kept = this.#pairs.filter(([known], at) => known !== key || at === first);
    kept[first] = [key, text];
    this.#pairs = kept;
  }

  [INSPECT](): object {
    return Object.fromEntries(this.entries());
  }
  forEach(callback: (value: string, name: string, headers: Headers) => void, self?: unknown): void {
    for (const [name, value] of this.entries()) callback.call(self, value, name, this);
  }

  /** Sorted by name, the values of one name as one; but each cookie by itself. */
  #sorted(): [string, string][] {
    const names = [...new Set(this.#pairs.map(([name]) => name))].sort();
    return names.flatMap((name) =>
      name === "set-cookie"
        ? this.getSetCookie().map((cookie): [string, string] => [name, cookie])
        : [[name, this.get(name) as string]],
    );
  }
  *entries(): Generator<[string, string], undefined, undefined> {
    // By position, so that what changes meanwhile is seen.
    for (let at = 0; ; at++) {
      this.#inOrder ??= this.#sorted();
      const pair = this.#inOrder[at];
      if (!pair) return undefined;
      yield [...pair];
    }
  }
  *keys(): Generator<string, undefined, undefined> {
    for (const [name] of this.entries()) yield name;
    return undefined;
  }
  *values(): Generator<string, undefined, undefined> {
    for (const [, value] of this.entries()) yield value;
    return undefined;
  }
  declare [Symbol.iterator]: () => Generator<[string, string], undefined, undefined>;
}
Object.defineProperty(Headers.prototype, Symbol.iterator, {
  value: Headers.prototype.entries,
  writable: true,
  configurable: true,
});

define({ Headers });
