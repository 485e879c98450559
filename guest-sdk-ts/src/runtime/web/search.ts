/** `URLSearchParams` by the URL standard. */
import type * as web from "../../platform/web.js";
import { define } from "./define.ts";
import { fromUtf8, utf8 } from "./text.ts";

type Pair = [string, string];

/** Text between `&` and `=` as what it stands for. */
function decode(text: string): string {
  const spaced = text.replaceAll("+", " ");
  if (!spaced.includes("%")) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    // Not all of it is an escape, or what is escaped is not UTF-8.
    const source = utf8(spaced);
    const bytes = [];
    for (let at = 0; at < source.length; at++) {
      const digits = String.fromCharCode(source[at + 1] ?? 0, source[at + 2] ?? 0);
      if (source[at] === 0x25 && /^[0-9a-f]{2}$/i.test(digits)) {
        bytes.push(parseInt(digits, 16));
        at += 2;
      } else {
        bytes.push(source[at] as number);
      }
    }
    return fromUtf8(new Uint8Array(bytes), true);
  }
}

const encode = (text: string) =>
  encodeURIComponent(text).replace(/%20|[!'()~]/g, (found) =>
    found === "%20" ? "+" : `%${found.charCodeAt(0).toString(16).toUpperCase()}`,
  );

function parse(query: string): Pair[] {
  return query
    .split("&")
    .filter((part) => part !== "")
    .map((part) => {
      const equals = part.indexOf("=");
      return equals < 0 ? [decode(part), ""] : [decode(part.slice(0, equals)), decode(part.slice(equals + 1))];
    });
}

const text = (value: unknown) => String(value).toWellFormed();

/** The parameters of a URL's query, which is told whenever they change. */
export let connected: (query: string, changed: () => void) => URLSearchParams;
/** Makes the parameters those of another query, without telling. */
export let renew: (params: URLSearchParams, query: string) => void;

export class URLSearchParams implements web.URLSearchParams {
  #pairs: Pair[] = [];
  #changed: (() => void) | undefined;

  static {
    connected = (query, changed) => {
      const params = new URLSearchParams();
      params.#pairs = parse(query);
      params.#changed = changed;
      return params;
    };
    renew = (params, query) => {
      params.#pairs = parse(query);
    };
  }

  constructor(init: web.URLSearchParamsInit = "") {
    if ((typeof init !== "object" && typeof init !== "function") || init === null) {
      const query = text(init);
      this.#pairs = parse(query.startsWith("?") ? query.slice(1) : query);
    } else if (typeof (init as Iterable<unknown>)[Symbol.iterator] === "function") {
      for (const pair of init as Iterable<Iterable<unknown>>) {
        const parts = typeof pair === "object" && pair !== null ? [...pair] : [];
        if (parts.length !== 2) throw new TypeError("URLSearchParams: each pair has a name and a value");
        this.#pairs.push([text(parts[0]), text(parts[1])]);
      }
    } else {
      const named = new Map<string, string>();
      for (const [name, value] of Object.entries(init)) named.set(text(name), text(value));
      this.#pairs = [...named];
    }
  }

  #update(pairs: Pair[]): void {
    this.#pairs = pairs;
    this.#changed?.();
  }

  get size(): number {
    return this.#pairs.length;
  }
  append(name: string, value: string): void {
    this.#pairs.push([text(name), text(value)]);
    this.#changed?.();
  }
  delete(name: string, value?: string): void {
    const [wanted, exactly] = [text(name), value === undefined ? undefined : text(value)];
    this.#update(this.#pairs.filter(([key, is]) => key !== wanted || (exactly !== undefined && is !== exactly)));
  }
  get(name: string): string | null {
    const wanted = text(name);
    return this.#pairs.find(([key]) => key === wanted)?.[1] ?? null;
  }
  getAll(name: string): string[] {
    const wanted = text(name);
    return this.#pairs.filter(([key]) => key === wanted).map(([, value]) => value);
  }
  has(name: string, value?: string): boolean {
    const [wanted, exactly] = [text(name), value === undefined ? undefined : text(value)];
    return this.#pairs.some(([key, is]) => key === wanted && (exactly === undefined || is === exactly));
  }
  set(name: string, value: string): void {
    const [wanted, is] = [text(name), text(value)];
    const first = this.#pairs.findIndex(([key]) => key === wanted);
    if (first < 0) return this.append(wanted, is);
    const kept = this.#pairs.filter(([key], at) => key !== wanted || at === first);
    kept[first] = [wanted, is];
    this.#update(kept);
  }
  /** By names, in the order of their code units; pairs of one name stay in theirs. */
  sort(): void {
    this.#update([...this.#pairs].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
  }
  forEach(callback: (value: string, name: string, params: URLSearchParams) => void, self?: unknown): void {
    for (const [name, value] of this) callback.call(self, value, name, this);
  }
  *entries(): Generator<Pair, undefined, undefined> {
    // By position, so that what changes meanwhile is seen.
    for (let at = 0; at < this.#pairs.length; at++) yield [...(this.#pairs[at] as Pair)];
    return undefined;
  }
  *keys(): Generator<string, undefined, undefined> {
    for (const [name] of this.entries()) yield name;
    return undefined;
  }
  *values(): Generator<string, undefined, undefined> {
    for (const [, value] of this.entries()) yield value;
    return undefined;
  }
  toString(): string {
    return this.#pairs.map(([name, value]) => `${encode(name)}=${encode(value)}`).join("&");
  }
  declare [Symbol.iterator]: () => Generator<Pair, undefined, undefined>;
}
Object.defineProperty(URLSearchParams.prototype, Symbol.iterator, {
  value: URLSearchParams.prototype.entries,
  writable: true,
  configurable: true,
});

define({ URLSearchParams });
