/** `Response` by the Fetch standard. */
import type * as web from "../../platform/web.js";
import { INSPECT } from "../format.ts";
import { Body, Carrier, extract, type Incoming } from "./body.ts";
import { define } from "./define.ts";
import { guarded, Headers, received } from "./headers.ts";
import { URL } from "./url.ts";

/** Answers that have no body. */
const BODILESS: readonly number[] = [101, 103, 204, 205, 304];

/** What came over the network. */
export interface Arrived {
  url: string;
  redirected: boolean;
  status: number;
  headers: [string, string][];
  /** None for an answer without a body. */
  incoming: Incoming | undefined;
}
export let arrived: (from: Arrived) => Response;

export class Response extends Carrier implements web.Response {
  #type: web.ResponseType = "default";
  #status = 200;
  #statusText = "";
  #url = "";
  #redirected = false;
  #headers: Headers;

  static {
    arrived = ({ url, redirected, status, headers, incoming }) => {
      const response = Response.#made("basic", status, received(headers));
      response.#url = url;
      response.#redirected = redirected;
      if (incoming) response.content = new Body({ kind: "incoming", incoming });
      return response;
    };
  }

  static #made(type: web.ResponseType, status: number, headers: Headers): Response {
    const response = new Response();
    response.#type = type;
    response.#status = status;
    response.#headers = headers;
    return response;
  }

  constructor(body?: web.BodyInit | null, given?: web.ResponseInit | null) {
    super();
    const init = given ?? {};
    const status = init.status === undefined ? 200 : Number(init.status);
    if (!(status >= 200 && status <= 599)) throw new RangeError("Response: a status is a number from 200 to 599");
    this.#status = Math.trunc(status);
    this.#statusText = init.statusText === undefined ? "" : String(init.statusText);
    if (/[^\t\x20-\x7e\x80-\xff]/.test(this.#statusText)) throw new TypeError("Response: invalid statusText");
    this.#headers = new Headers(init.headers);
    if (body === undefined || body === null) return;
    if (BODILESS.includes(this.#status)) throw new TypeError(`Response: with status ${this.#status} there is no body`);
    const { body: content, type } = extract(body);
    this.content = content;
    if (type !== undefined && !this.#headers.has("content-type")) this.#headers.append("content-type", type);
  }

  static error(): Response {
    return Response.#made("error", 0, guarded("immutable"));
  }

  static redirect(url: string | URL, status: number = 302): Response {
    const { href } = new URL(url);
    if (![301, 302, 303, 307, 308].includes(status)) throw new RangeError("Response.redirect: not a redirect's status");
    return Response.#made("default", status, guarded("immutable", { location: href }));
  }

  static json(data: unknown, init: web.ResponseInit = {}): Response {
    const text = JSON.stringify(data);
    if (text === undefined) throw new TypeError("Response.json: the value has no JSON");
    const headers = new Headers(init.headers);
    if (!headers.has("content-type")) headers.append("content-type", "application/json");
    return new Response(text, { ...init, headers });
  }

  get type(): web.ResponseType {
    return this.#type;
  }
  get url(): string {
    return this.#url;
  }
  get redirected(): boolean {
    return this.#redirected;
  }
  get status(): number {
    return this.#status;
  }
  get ok(): boolean {
    return this.#status >= 200 && this.#status <= 299;
  }
  get statusText(): string {
    return this.#statusText;
  }
  get headers(): Headers {
    return this.#headers;
  }
  [INSPECT](): object {
    const { status, statusText, url, headers } = this;
    return { status, statusText, url, headers };
  }

  clone(): Response {
    if (this.content?.unusable) throw new TypeError("Response.clone: the body has been read");
    const clone = new Response();
    clone.content = this.content?.tee();
    clone.#type = this.#type;
    clone.#url = this.#url;
    clone.#redirected = this.#redirected;
    clone.#status = this.#status;
    clone.#statusText = this.#statusText;
    clone.#headers = guarded(this.#type === "basic" ? "immutable" : "none", this.#headers);
    return clone;
  }
}

/** Whether an answer with this status carries nothing. */
export const isBodiless = (status: number): boolean => BODILESS.includes(status);

define({ Response });
