/** What requests and responses carry, by the Fetch standard's `Body`. */
import type * as web from "../../platform/web.js";
import { ReadableStream } from "./streams.ts";
import { URLSearchParams } from "./search.ts";
import { bytesOf, concat, fromUtf8, TextDecoder, utf8, type Bytes } from "./text.ts";

/** Bytes that arrive from the network. */
export interface Incoming {
  /** The next bytes; none after the last ones. */
  read(): Promise<Bytes | undefined>;
  /** Wants no more of them. */
  cancel(): void;
  /** Is called with the reason when somebody else ends it. */
  ended?: (reason: unknown) => void;
}

type Source =
  | { kind: "bytes"; bytes: Bytes }
  | { kind: "incoming"; incoming: Incoming }
  | { kind: "stream"; stream: ReadableStream<Bytes> };

/** The most bytes that go out at once. */
const PIECE = 64 << 10;

/** Lets go of answers that nobody reads, be it as a body or as its stream: each holds a connection. */
const abandoned = new FinalizationRegistry((incoming: Incoming) => incoming.cancel());

/**
 * One body. A stream of its bytes is made only when somebody asks for it:
 * without one they take a much shorter way.
 */
export class Body {
  #source: Source;
  #used = false;
  /** What the registry knows this by. Were it the body itself, the engine would hold on to that. */
  #kept = {};

  constructor(source: Source) {
    this.#source = source;
    if (source.kind === "incoming") abandoned.register(this, source.incoming, this.#kept);
  }

  /** What the body is made of, for somebody who sees to it from now on. */
  #release(): Source {
    abandoned.unregister(this.#kept);
    return this.#source;
  }

  /** Bytes in all; none when that is not known. */
  get length(): number | undefined {
    return this.#source.kind === "bytes" ? this.#source.bytes.length : undefined;
  }

  /** Whether it can be sent once more. */
  get repeatable(): boolean {
    return this.#source.kind === "bytes";
  }

  get used(): boolean {
    return this.#used || (this.#source.kind === "stream" && isDisturbed(this.#source.stream));
  }

  get unusable(): boolean {
    return this.used || (this.#source.kind === "stream" && this.#source.stream.locked);
  }

  get stream(): ReadableStream<Bytes> {
    const source = this.#release();
    if (source.kind === "stream") return source.stream;
    const stream = this.#used ? spent() : streamOf(source);
    this.#source = { kind: "stream", stream };
    return stream;
  }

  /** The same to be sent once more. */
  again(): Body {
    return new Body(this.#source);
  }

  /** A second body of the same bytes. */
  tee(): Body {
    if (this.#source.kind === "bytes") return new Body(this.#source);
    const [mine, other] = this.stream.tee();
    this.#source = { kind: "stream", stream: mine };
    return new Body({ kind: "stream", stream: other });
  }

  /** Hands everything over to another body. */
  move(): Body {
    const moved = new Body(this.#release());
    this.#source = { kind: "bytes", bytes: new Uint8Array() };
    this.#used = true;
    return moved;
  }

  #take(): Source {
    if (this.unusable) throw new TypeError("Body is unusable: it has been read, or somebody reads it");
    this.#used = true;
    return this.#release();
  }

  /** The bytes, piece by piece; when the signal says so, they end in an error. */
  pieces(signal: web.AbortSignal): AsyncGenerator<Bytes, void, undefined> {
    return piecesOf(this.#take(), signal);
  }

  async bytes(): Promise<Bytes> {
    const source = this.#take();
    // What others hold too is not given away.
    if (source.kind === "bytes") return source.bytes.slice();
    const pieces = [];
    for await (const piece of piecesOf(source)) pieces.push(piece);
    return concat(pieces);
  }

  async text(): Promise<string> {
    const source = this.#take();
    if (source.kind === "bytes") return fromUtf8(source.bytes);
    const decoder = new TextDecoder();
    let text = "";
    for await (const piece of piecesOf(source)) text += decoder.decode(piece, { stream: true });
    return text + decoder.decode();
  }
}

/** The package keeps this where the standard has a slot of the same name. */
function isDisturbed(stream: ReadableStream): boolean {
  return (stream as unknown as { _disturbed: boolean })._disturbed;
}

async function* piecesOf(source: Source, signal?: web.AbortSignal): AsyncGenerator<Bytes, void, undefined> {
  if (source.kind === "stream") {
    yield* chunksOf(source.stream, signal);
  } else if (source.kind === "incoming") {
    for (let piece = await source.incoming.read(); piece; piece = await source.incoming.read()) yield piece;
  } else {
    for (let at = 0; at < source.bytes.length; at += PIECE) {
      signal?.throwIfAborted();
      yield source.bytes.subarray(at, at + PIECE);
    }
  }
}

/** What a stream gives, which ends when nobody wants more. */
async function* chunksOf(
  stream: ReadableStream<Bytes>,
  signal: web.AbortSignal | undefined,
): AsyncGenerator<Bytes, void, undefined> {
  const reader = stream.getReader();
  const cancel = () => void reader.cancel(signal?.reason).catch(() => {});
  signal?.addEventListener("abort", cancel);
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      if (!(next.value instanceof Uint8Array)) throw new TypeError("a body is made of Uint8Array chunks");
      yield next.value;
    }
    signal?.throwIfAborted();
  } finally {
    signal?.removeEventListener("abort", cancel);
    cancel();
    reader.releaseLock();
  }
}

/** Nothing is produced before somebody asks for it. */
function streamOf(source: Exclude<Source, { kind: "stream" }>): ReadableStream<Bytes> {
  const incoming = source.kind === "incoming" ? source.incoming : once(source.bytes);
  const stream = new ReadableStream<Bytes>({
    type: "bytes",
    start(controller) {
      // What is known of what arrives does not keep its stream.
      const weakly = new WeakRef(controller);
      incoming.ended = (reason) => weakly.deref()?.error(reason);
    },
    async pull(controller) {
      const piece = await incoming.read();
      if (piece) {
        controller.enqueue(piece);
      } else {
        controller.close();
        controller.byobRequest?.respond(0);
      }
    },
    cancel: () => incoming.cancel(),
  });
  if (source.kind === "incoming") abandoned.register(stream, incoming);
  return stream;
}

/** Bytes as if they arrived. */
function once(bytes: Bytes): Incoming {
  let left: Bytes | undefined = bytes.length > 0 ? bytes.slice() : undefined;
  return {
    async read() {
      const piece = left;
      left = undefined;
      return piece;
    },
    cancel() {
      left = undefined;
    },
  };
}

/** The stream of a body that was taken without one: somebody has read it. */
function spent(): ReadableStream<Bytes> {
  const stream = streamOf({ kind: "bytes", bytes: new Uint8Array() });
  void stream.getReader().cancel();
  return stream;
}

/** The body that this is, and the type that its bytes then have. */
export function extract(init: web.BodyInit): { body: Body; type?: string } {
  if (init instanceof ReadableStream) {
    if (init.locked || isDisturbed(init)) throw new TypeError("the body is a stream that has been read or is locked");
    return { body: new Body({ kind: "stream", stream: init }) };
  }
  if (init instanceof URLSearchParams) {
    const type = "application/x-www-form-urlencoded;charset=UTF-8";
    return { body: new Body({ kind: "bytes", bytes: utf8(String(init)) }), type };
  }
  if (init instanceof ArrayBuffer || ArrayBuffer.isView(init)) {
    return { body: new Body({ kind: "bytes", bytes: bytesOf(init).slice() }) };
  }
  if (typeof init === "object" && init !== null && Symbol.asyncIterator in init) {
    return { body: new Body({ kind: "stream", stream: ReadableStream.from(init) as ReadableStream<Bytes> }) };
  }
  return { body: new Body({ kind: "bytes", bytes: utf8(String(init)) }), type: "text/plain;charset=UTF-8" };
}

/** Whether this is a body that can be sent but once, and whose length is not known. */
export function isStreaming(init: unknown): boolean {
  return init instanceof ReadableStream || (typeof init === "object" && init !== null && Symbol.asyncIterator in init);
}

/** What `Request` and `Response` have in common. */
export abstract class Carrier implements web.Body {
  /** None for a null body. */
  declare protected content: Body | undefined;

  constructor() {
    // Nobody's who looks at what a request or an answer has.
    Object.defineProperty(this, "content", { value: undefined, writable: true });
  }

  get body(): ReadableStream<Bytes> | null {
    return this.content?.stream ?? null;
  }
  get bodyUsed(): boolean {
    return this.content?.used ?? false;
  }
  async arrayBuffer(): Promise<ArrayBuffer> {
    const { buffer, byteOffset, byteLength } = await this.bytes();
    return byteLength === buffer.byteLength ? buffer : buffer.slice(byteOffset, byteOffset + byteLength);
  }
  async bytes(): Promise<Bytes> {
    return this.content ? this.content.bytes() : new Uint8Array();
  }
  async text(): Promise<string> {
    return this.content ? this.content.text() : "";
  }
  async json(): Promise<any> {
    return JSON.parse(await this.text());
  }
}
