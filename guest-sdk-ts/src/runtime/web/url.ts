/** `URL` by the URL standard. Parsing and its tables of international names are the host's. */
import host, { type Part, type Parts } from "distri:plugin/url@0.3.0";
import type * as web from "../../platform/web.js";
import { define } from "./define.ts";
import { connected, renew, URLSearchParams } from "./search.ts";

/** The longest address that the host parses, in code units. */
const LONGEST = 1 << 20;

const text = (value: unknown) => String(value).toWellFormed();

function parse(input: unknown, base: unknown): Parts | undefined {
  const [address, from] = [text(input), base === undefined ? null : text(base)];
  if (address.length > LONGEST || (from !== null && from.length > LONGEST)) return undefined;
  return host.parse(address, from) ?? undefined;
}

function invalid(input: unknown): TypeError {
  const shown = text(input);
  const error = new TypeError(`Invalid URL: "${shown.length > 100 ? `${shown.slice(0, 100)}…` : shown}"`);
  return Object.assign(error, { code: "ERR_INVALID_URL", input: shown });
}

export class URL implements web.URL {
  #known: Parts;
  #params: URLSearchParams | undefined;
  /** Whether the parameters have changed since the parts were known. */
  #stale = false;

  constructor(url: string | URL, base?: string | URL) {
    const parts = parse(url, base);
    if (!parts) throw invalid(url);
    this.#known = parts;
  }

  static canParse(url: string | URL, base?: string | URL): boolean {
    return parse(url, base) !== undefined;
  }

  static parse(url: string | URL, base?: string | URL): URL | null {
    const [address, from] = [text(url), base === undefined ? undefined : text(base)];
    try {
      return new URL(address, from);
    } catch {
      return null;
    }
  }

  get #parts(): Parts {
    if (this.#stale) this.#known = host.set(this.#known.href, "search", String(this.#params)) ?? this.#known;
    this.#stale = false;
    return this.#known;
  }

  #set(part: Part, value: unknown): void {
    const given = text(value);
    const parts = given.length > LONGEST ? undefined : host.set(this.#parts.href, part, given);
    if (!parts && part === "href") throw invalid(given);
    if (parts) this.#known = parts;
    if (this.#params && (part === "href" || part === "search")) renew(this.#params, this.#query);
  }

  get #query(): string {
    return this.#parts.search.slice(1);
  }

  get searchParams(): URLSearchParams {
    this.#params ??= connected(this.#query, () => {
      this.#stale = true;
    });
    return this.#params;
  }

  get origin(): string {
    return this.#parts.origin;
  }
  get href(): string {
    return this.#parts.href;
  }
  set href(value: string) {
    this.#set("href", value);
  }
  get protocol(): string {
    return this.#parts.protocol;
  }
  set protocol(value: string) {
    this.#set("protocol", value);
  }
  get username(): string {
    return this.#parts.username;
  }
  set username(value: string) {
    this.#set("username", value);
  }
  get password(): string {
    return this.#parts.password;
  }
  set password(value: string) {
    this.#set("password", value);
  }
  get host(): string {
    return this.#parts.host;
  }
  set host(value: string) {
    this.#set("host", value);
  }
  get hostname(): string {
    return this.#parts.hostname;
  }
  set hostname(value: string) {
    this.#set("hostname", value);
  }
  get port(): string {
    return this.#parts.port;
  }
  set port(value: string) {
    this.#set("port", value);
  }
  get pathname(): string {
    return this.#parts.pathname;
  }
  set pathname(value: string) {
    this.#set("pathname", value);
  }
  get search(): string {
    return this.#parts.search;
  }
  set search(value: string) {
    this.#set("search", value);
  }
  get hash(): string {
    return this.#parts.hash;
  }
  set hash(value: string) {
    this.#set("hash", value);
  }

  toString(): string {
    return this.#parts.href;
  }
  toJSON(): string {
    return this.#parts.href;
  }
}

define({ URL });
