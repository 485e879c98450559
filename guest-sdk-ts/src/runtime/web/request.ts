/** `Request` by the Fetch standard. */
import type * as web from "../../platform/web.js";
import { INSPECT } from "../format.ts";
import { AbortController } from "./abort.ts";
import { Carrier, extract, isStreaming, type Body } from "./body.ts";
import { define } from "./define.ts";
import { guarded, Headers, TOKEN } from "./headers.ts";
import { URL } from "./url.ts";

const REDIRECTS: readonly string[] = ["follow", "error", "manual"];

function method(value: string): string {
  const name = String(value);
  const upper = name.toUpperCase();
  if (!TOKEN.test(name)) throw new TypeError(`Request: "${name}" is not a method`);
  if (/^(CONNECT|TRACE|TRACK)$/.test(upper)) throw new TypeError(`Request: the method ${upper} is not allowed`);
  return /^(DELETE|GET|HEAD|OPTIONS|POST|PUT)$/.test(upper) ? upper : name;
}

function address(input: string | URL): URL {
  const url = new URL(input);
  if (url.username !== "" || url.password !== "") {
    throw new TypeError("Request: a URL with a user or password in it is not allowed: send an Authorization header");
  }
  return url;
}

/** The parts that only a request's sender sees. */
export interface Parts {
  url: URL;
  body: Body | undefined;
}
export let partsOf: (request: Request) => Parts;

export class Request extends Carrier implements web.Request {
  readonly method: string;
  readonly headers: Headers;
  readonly redirect: web.RequestRedirect;
  readonly signal: web.AbortSignal;
  readonly duplex = "half";
  readonly destination = "";
  readonly referrer = "about:client";
  readonly referrerPolicy = "";
  readonly mode: string;
  readonly credentials: string;
  readonly cache: string;
  readonly integrity = "";
  readonly keepalive: boolean;
  #url: URL;

  static {
    partsOf = (request) => ({ url: request.#url, body: request.content });
  }

  constructor(input: web.RequestInfo, given?: web.RequestInit | null) {
    super();
    const init = given ?? {};
    const from = input instanceof Request ? (input as Request) : undefined;
    this.#url = from ? from.#url : address(input as string | URL);
    this.method = init.method === undefined ? (from?.method ?? "GET") : method(init.method);
    this.redirect = init.redirect ?? from?.redirect ?? "follow";
    if (!REDIRECTS.includes(this.redirect)) throw new TypeError(`Request: redirect is one of ${REDIRECTS.join(", ")}`);
    if (init.integrity) throw new TypeError("Request: integrity is not supported");
    this.mode = init.mode ?? from?.mode ?? "cors";
    this.credentials = init.credentials ?? from?.credentials ?? "same-origin";
    this.cache = init.cache ?? from?.cache ?? "default";
    this.keepalive = Boolean(init.keepalive ?? from?.keepalive);
    this.signal = checked(init.signal === undefined ? from?.signal : init.signal);
    this.headers = guarded("request", init.headers ?? from?.headers);

    const payload = init.body ?? undefined;
    if ((payload !== undefined || from?.content) && /^(GET|HEAD)$/.test(this.method)) {
      throw new TypeError(`Request: with the method ${this.method} there is no body`);
    }
    if (payload !== undefined) {
      if (isStreaming(payload) && init.duplex !== "half") {
        throw new TypeError('Request: a body that is a stream needs `duplex: "half"`');
      }
      const { body, type } = extract(payload);
      this.content = body;
      if (type !== undefined && !this.headers.has("content-type")) this.headers.append("content-type", type);
    } else if (from?.content) {
      if (from.content.unusable) throw new TypeError("Request: the other request's body has been read");
      this.content = from.content.move();
    }
  }

  get url(): string {
    return this.#url.href;
  }
  [INSPECT](): object {
    const { method, url, headers } = this;
    return { method, url, headers };
  }

  clone(): Request {
    if (this.content?.unusable) throw new TypeError("Request.clone: the body has been read");
    const body = this.content?.tee();
    const clone = new Request(this.url, {
      method: this.method,
      headers: this.headers,
      redirect: this.redirect,
      signal: this.signal,
      mode: this.mode,
      credentials: this.credentials,
      cache: this.cache,
      keepalive: this.keepalive,
    });
    clone.content = body;
    return clone;
  }
}

/** The signal itself, or one that says nothing. */
function checked(signal: web.AbortSignal | null | undefined): web.AbortSignal {
  if (signal === null || signal === undefined) return new AbortController().signal;
  if (typeof signal.aborted !== "boolean" || typeof signal.addEventListener !== "function") {
    throw new TypeError("Request: signal is not an AbortSignal");
  }
  return signal;
}

define({ Request });
