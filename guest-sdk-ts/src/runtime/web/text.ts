/**
 * `TextEncoder` and `TextDecoder` by the Encoding standard, whose tables are the
 * host's: here they would make every plugin that uses them larger than itself.
 */
import codec, { type Decoder } from "distri:plugin/text-codec@0.3.0";
import type * as web from "../../platform/web.js";
import { assertRunning } from "../phase.ts";
import { define } from "./define.ts";

/**
 * Bytes, or code units, that cross to the host at once. It bounds what may, for
 * the sake of its own memory; and what crosses is copied on both sides.
 */
const PIECE = 256 << 10;

/** Bytes in memory of their own. */
export type Bytes = Uint8Array<ArrayBuffer>;

const EMPTY: Bytes = new Uint8Array();

/** The bytes that a buffer or view holds, without copying them. */
export function bytesOf(source: ArrayBuffer | ArrayBufferView): Bytes {
  if (source instanceof Uint8Array) return source as Bytes;
  if (ArrayBuffer.isView(source)) {
    return new Uint8Array(source.buffer as ArrayBuffer, source.byteOffset, source.byteLength);
  }
  if (source instanceof ArrayBuffer || isShared(source)) return new Uint8Array(source);
  throw new TypeError("not an ArrayBuffer or a view of one");
}

const isShared = (source: unknown): source is ArrayBuffer =>
  typeof SharedArrayBuffer === "function" && source instanceof SharedArrayBuffer;

/** Several arrays as one; the only one as it is. */
export function concat(pieces: Bytes[]): Bytes {
  if (pieces.length === 1) return pieces[0] as Bytes;
  const whole = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** Where a piece of at most `size` code units from `at` on ends, between characters. */
function pieceEnd(text: string, at: number, size: number): number {
  const end = Math.min(at + size, text.length);
  const cutsPair = end < text.length && (text.charCodeAt(end - 1) & 0xfc00) === 0xd800;
  return cutsPair ? end - 1 : end;
}

/** A string's characters in UTF-8. */
export function utf8(string: string): Bytes {
  if (string === "") return new Uint8Array();
  const text = string.toWellFormed();
  const pieces = [];
  for (let at = 0; at < text.length; ) {
    const end = pieceEnd(text, at, PIECE);
    pieces.push(codec.encode(text.slice(at, end)));
    at = end;
  }
  return concat(pieces);
}

export class TextEncoder implements web.TextEncoder {
  get encoding(): string {
    return "utf-8";
  }

  encode(input: string = ""): Bytes {
    return utf8(String(input));
  }

  encodeInto(source: string, destination: Uint8Array): { read: number; written: number } {
    const text = String(source);
    let read = 0;
    let written = 0;
    while (read < text.length && written < destination.length) {
      // A code unit takes a byte at least: no more of them than there is room for.
      const room = destination.length - written;
      const end = pieceEnd(text, read, Math.min(PIECE, room));
      const bytes = utf8(text.slice(read, end));
      if (bytes.length === 0) break;
      if (bytes.length <= room) {
        destination.set(bytes, written);
        written += bytes.length;
        read = end;
        continue;
      }
      // As many whole characters as there is room for. Those of four bytes are two code units.
      let length = room;
      while (((bytes[length] as number) & 0xc0) === 0x80) length -= 1;
      const whole = bytes.subarray(0, length);
      destination.set(whole, written);
      written += length;
      for (const byte of whole) if ((byte & 0xc0) !== 0x80) read += byte >= 0xf0 ? 2 : 1;
      break;
    }
    return { read, written };
  }
}

export class TextDecoder implements web.TextDecoder {
  readonly encoding: string;
  readonly fatal: boolean;
  readonly ignoreBOM: boolean;
  /** The host's, while bytes have been decoded and more are to come. */
  #decoder: Decoder | undefined;

  constructor(label: string = "utf-8", options: web.TextDecoderOptions = {}) {
    const encoding = codec.encoding(String(label).toWellFormed());
    if (typeof encoding !== "string") throw new RangeError(`TextDecoder: there is no encoding "${label}"`);
    this.encoding = encoding;
    this.fatal = Boolean(options?.fatal);
    this.ignoreBOM = Boolean(options?.ignoreBOM);
  }

  decode(input?: ArrayBuffer | ArrayBufferView, options?: web.TextDecodeOptions): string {
    const bytes = input === undefined ? EMPTY : bytesOf(input);
    const more = Boolean(options?.stream);
    // A handle of the host's, which keeps what is half there, does not outlast the build.
    if (more) assertRunning("TextDecoder.decode");
    const decoder = this.#decoder ?? new codec.Decoder(this.encoding, this.fatal, this.ignoreBOM);
    this.#decoder = undefined;
    const text = decodeWith(decoder, bytes, !more);
    if (text === undefined || !more) decoder[Symbol.dispose]();
    if (text === undefined) throw new TypeError(`TextDecoder: the bytes are not ${this.encoding}`);
    if (more) this.#decoder = decoder;
    return text;
  }
}

function decodeWith(decoder: Decoder, bytes: Uint8Array, last: boolean): string | undefined {
  let text = "";
  let at = 0;
  do {
    const piece = bytes.subarray(at, at + PIECE);
    at += PIECE;
    const decoded = decoder.decode(piece, last && at >= bytes.length);
    if (typeof decoded !== "string") return undefined;
    text += decoded;
  } while (at < bytes.length);
  return text;
}

/** Bytes in UTF-8 as text: what is malformed is replaced, and a byte order mark dropped. */
export function fromUtf8(bytes: Uint8Array, keepBom = false): string {
  const decoder = new codec.Decoder("utf-8", false, keepBom);
  const text = decodeWith(decoder, bytes, true) as string;
  decoder[Symbol.dispose]();
  return text;
}

define({ TextEncoder, TextDecoder });
