/** One request over `wasi:http`, and the beginning of its answer. */
import types, { type Method, type Response, type Trailers } from "wasi:http/types@0.3.0";
import type * as web from "../../platform/web.js";
import { CallError } from "../../workflow.ts";
import * as waiting from "../waiting.ts";
import * as wit from "../wit.ts";
import type { Body, Incoming } from "./body.ts";
import type { Bytes } from "./text.ts";
import type { URL } from "./url.ts";

/** The most bytes that are sent or read at once. */
const PIECE = 64 << 10;

/** And read at first: what is read takes that much memory, however little it is. */
const FIRST = 8 << 10;

export interface Outgoing {
  method: string;
  url: URL;
  headers: readonly (readonly [string, string])[];
  body: Body | undefined;
}

export interface Answer {
  status: number;
  headers: [string, string][];
  incoming: Incoming;
}

/** Strings of bytes, as headers are, and back. */
function toBytes(text: string): Bytes {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}
function fromBytes(bytes: Uint8Array): string {
  let text = "";
  // A call takes so many arguments.
  for (let at = 0; at < bytes.length; at += FIRST) text += String.fromCharCode(...bytes.subarray(at, at + FIRST));
  return text;
}

/** Sends a request and waits for the beginning of its answer. */
export function send(outgoing: Outgoing, signal: web.AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    let settled = false;
    let sending: waiting.Wait<Response> | undefined;
    const fail = (reason: unknown) => {
      settled = true;
      signal.removeEventListener("abort", abort);
      reject(reason);
      sending?.giveUp();
    };
    const abort = () => fail(signal.reason);
    try {
      sending = begin(outgoing, signal, fail);
    } catch (thrown) {
      return fail(failure(thrown));
    }
    signal.addEventListener("abort", abort);
    sending.result
      .then((response) => {
        signal.removeEventListener("abort", abort);
        // Nobody may wait for it any more.
        if (settled) response[Symbol.dispose]();
        else resolve(receive(response, signal));
      })
      .catch((thrown) => fail(failure(thrown, "fetch failed", outgoing)));
  });
}

/** Hands a request to the host, and sends its body meanwhile. */
function begin(
  { method, url, headers, body }: Outgoing,
  signal: web.AbortSignal,
  fail: (reason: unknown) => void,
): waiting.Wait<Response> {
  const fields = types.Fields.fromList(headers.map(([name, value]) => [name, toBytes(value)]));
  const contents = body && wit.bodyBytes();
  const after = wit.trailers();
  const [request, sent] = types.Request.new(fields, contents?.readable ?? null, after.readable, null);
  // Whether all of it went out says the answer, or that there is none.
  sent.drop();
  request.setMethod(methodOf(method));
  request.setScheme({ tag: url.protocol === "https:" ? "HTTPS" : "HTTP" });
  request.setAuthority(url.host);
  request.setPathWithQuery(url.pathname + url.search);
  const sending = waiting.send(request);
  if (body && contents) {
    upload(body, contents.writable, after.writable, signal).catch((thrown) =>
      fail(new TypeError("fetch failed", { cause: thrown })),
    );
  } else {
    wit.settle(after.writable, { tag: "ok", val: null });
  }
  return sending;
}

function methodOf(method: string): Method {
  const known = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"].includes(method);
  return known ? { tag: method.toLowerCase() } : { tag: "other", val: method };
}

/** Sends the body as fast as it is taken. */
async function upload(
  body: Body,
  writable: StreamWritable<number>,
  after: FutureWritable<Trailers>,
  signal: web.AbortSignal,
): Promise<void> {
  // With an error in place of an end, the other side does not take what it has for all.
  let outcome: Trailers = { tag: "err", val: { tag: "internal-error", val: null } };
  try {
    if (await sendAll(body, writable, signal)) outcome = { tag: "ok", val: null };
  } finally {
    wit.settle(after, outcome);
    writable.drop();
  }
}

/** Whether all was taken. */
async function sendAll(body: Body, writable: StreamWritable<number>, signal: web.AbortSignal): Promise<boolean> {
  let writing = false;
  const stop = () => {
    if (writing) writable.cancelWrite();
  };
  signal.addEventListener("abort", stop);
  try {
    for await (const piece of body.pieces(signal)) {
      for (let at = 0; at < piece.length; ) {
        writing = true;
        const taken = await writable.write(piece.subarray(at, at + PIECE));
        writing = false;
        if (taken === 0 || signal.aborted) return false;
        at += taken;
      }
    }
    return true;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

function receive(response: Response, signal: web.AbortSignal): Answer {
  const status = response.getStatusCode();
  const fields = response.getHeaders();
  const headers = fields.copyAll().map(([name, value]): [string, string] => [name, fromBytes(value)]);
  fields[Symbol.dispose]();
  const done = wit.done();
  const [stream, trailers] = types.Response.consumeBody(response, done.readable);
  wit.settle(done.writable, { tag: "ok" });
  return { status, headers, incoming: new Arriving(stream, trailers, signal) };
}

/** An answer's body, as it arrives. */
class Arriving implements Incoming {
  ended?: (reason: unknown) => void;
  #stream: StreamReadable<number>;
  #trailers: FutureReadable<Trailers>;
  #signal: web.AbortSignal;
  #open = true;
  #reading = false;
  #room = FIRST;
  #failure: { reason: unknown } | undefined;

  constructor(stream: StreamReadable<number>, trailers: FutureReadable<Trailers>, signal: web.AbortSignal) {
    this.#stream = stream;
    this.#trailers = trailers;
    this.#signal = signal;
    signal.addEventListener("abort", this.#abort);
  }

  #abort = () => {
    if (!this.#open) return;
    this.#failure = { reason: this.#signal.reason };
    this.cancel();
    this.ended?.(this.#signal.reason);
  };

  async read(): Promise<Bytes | undefined> {
    this.#check();
    if (!this.#open) return undefined;
    this.#reading = true;
    const piece = await wit.read(this.#stream, this.#room);
    this.#reading = false;
    // Whoever ended it meanwhile left it to this read to let go of the stream.
    if (!this.#open) this.#drop();
    this.#check();
    if (piece.length === 0) {
      if (this.#open) await this.#finish();
      return undefined;
    }
    const room = this.#room;
    if (piece.length === room) this.#room = PIECE;
    // A piece holds on to the room that it was read into.
    return piece.length < room / 2 ? piece.slice() : piece;
  }

  #check(): void {
    if (this.#failure) throw this.#failure.reason;
  }

  /** After the last bytes: whether they were all. */
  async #finish(): Promise<void> {
    this.#close();
    const outcome = await this.#trailers.read();
    this.#drop();
    if (outcome.tag === "ok") {
      outcome.val?.[Symbol.dispose]();
      return;
    }
    const reason = failure(outcome.val, "terminated");
    this.#failure = { reason };
    throw reason;
  }

  cancel(): void {
    if (!this.#open) return;
    this.#close();
    if (this.#reading) this.#stream.cancelRead();
    else this.#drop();
  }

  #close(): void {
    this.#open = false;
    this.#signal.removeEventListener("abort", this.#abort);
  }

  #drop(): void {
    this.#stream.drop();
    this.#trailers.drop();
  }
}

/** The codes by which programs know some faults from Node. */
const CODES: { [tag: string]: string } = {
  "DNS-error": "ENOTFOUND",
  "DNS-timeout": "EAI_AGAIN",
  "connection-refused": "ECONNREFUSED",
  "connection-terminated": "ECONNRESET",
  "connection-timeout": "ETIMEDOUT",
};

/** What was asked for, without what nobody should read in a log: credentials, and what a query says. */
function asked({ method, url }: Outgoing): string {
  const query = url.search === "" ? "" : "?…";
  return `${method} ${url.origin}${url.pathname}${query}`;
}

/** An error of the network's, or the host's refusal. */
export function failure(thrown: unknown, message = "fetch failed", outgoing?: Outgoing): Error {
  const code = ((thrown as { payload?: unknown })?.payload ?? thrown) as { tag?: unknown; val?: unknown } | undefined;
  if (typeof code?.tag !== "string") return thrown as Error;
  if (code.tag === "internal-error" && typeof code.val === "string") {
    try {
      const { kind, message, hint, detail } = JSON.parse(code.val);
      if (typeof kind === "string") {
        return new CallError(message, kind, hint, detail === undefined ? undefined : JSON.parse(detail));
      }
    } catch {
      // Not a refusal, but what something said of itself.
    }
  }
  const said = typeof code.val === "string" ? code.val : code.val && JSON.stringify(code.val);
  let words = code.tag.replaceAll("-", " ");
  const method = outgoing?.method;
  if (code.tag === "connection-terminated" && method && !/^(GET|HEAD|OPTIONS|PUT|DELETE)$/.test(method)) {
    words = `the connection was closed before an answer came, and a ${method} is not sent twice`;
  }
  if (said) words = `${words}: ${said}`;
  if (outgoing) words = `${asked(outgoing)}: ${words}`;
  const cause = Object.assign(new Error(words), { code: CODES[code.tag] ?? code.tag });
  return new TypeError(message, { cause });
}
