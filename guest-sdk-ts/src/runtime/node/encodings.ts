/** The encodings in which Node reads and writes text. */
import { bytesOf, fromUtf8, utf8 } from "../web/text.ts";
import { badArgument } from "./errors.ts";

export type Encoding =
  | "utf8" | "utf-8" | "ascii" | "latin1" | "binary" | "hex" | "base64" | "base64url"
  | "utf16le" | "utf-16le" | "ucs2" | "ucs-2";

/** An encoding by the shortest of its names. */
export function named(encoding: Encoding): string {
  const name = String(encoding).toLowerCase().replace(/^(utf|ucs)-/, "$1").replace("ucs2", "utf16le").replace("binary", "latin1");
  if (!/^(utf8|ascii|latin1|hex|base64|base64url|utf16le)$/.test(name)) throw badArgument(`unknown encoding: ${encoding}`);
  return name;
}

/** Strings of units, and back. */
function fromUnits(units: Uint8Array | Uint16Array): string {
  let text = "";
  // So many arguments a function takes at once.
  for (let at = 0; at < units.length; at += 4096) text += String.fromCharCode(...units.subarray(at, at + 4096));
  return text;
}
const unitsOf = (text: string) => Uint16Array.from({ length: text.length }, (_, at) => text.charCodeAt(at));

export function decode(bytes: Uint8Array, encoding: Encoding): string {
  switch (named(encoding)) {
    case "utf8":
      return fromUtf8(bytes, true);
    case "latin1":
      return fromUnits(bytes);
    case "ascii":
      return fromUnits(bytes.map((byte) => byte & 0x7f));
    case "hex":
      return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    case "base64":
      return btoa(fromUnits(bytes));
    case "base64url":
      return btoa(fromUnits(bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
    default:
      // An odd byte at the end is none of a unit.
      return fromUnits(new Uint16Array(new Uint8Array(bytes).buffer, 0, bytes.length >> 1));
  }
}

export function encode(text: string, encoding: Encoding): Uint8Array {
  switch (named(encoding)) {
    case "utf8":
      return utf8(text);
    case "latin1":
    case "ascii":
      return new Uint8Array(unitsOf(text));
    case "hex":
      return Uint8Array.from(/^(?:[0-9a-f]{2})*/i.exec(text)?.[0].match(/../g) ?? [], (digits) => parseInt(digits, 16));
    case "base64":
    case "base64url":
      return new Uint8Array(unitsOf(fromBase64(text)));
    default:
      return bytesOf(unitsOf(text));
  }
}

/** As Node reads it: of either alphabet, up to a `=`, whatever else is in it. */
function fromBase64(text: string): string {
  const [digits = ""] = text.replaceAll("-", "+").replaceAll("_", "/").replace(/[^A-Za-z0-9+/=]/g, "").split("=", 1);
  return atob(digits.length % 4 === 1 ? digits.slice(0, -1) : digits);
}

/** What is read of a file: bytes that become text as Node's do. */
export class Content extends Uint8Array<ArrayBuffer> {
  override toString(encoding: Encoding = "utf8"): string {
    return decode(this, encoding);
  }
}
Object.defineProperty(Content, "name", { value: "Uint8Array" });

/** What can be written to a file. */
export type Data =
  | string
  | ArrayBufferView
  | ArrayBuffer
  | Iterable<string | ArrayBufferView>
  | AsyncIterable<string | ArrayBufferView>;

/** The bytes of what is written, piece by piece. Throws at once for what cannot be. */
export function piecesOf(data: Data, encoding: Encoding): Iterable<Uint8Array> | AsyncIterable<Uint8Array> {
  named(encoding);
  if (typeof data === "string") return [encode(data, encoding)];
  if (data instanceof ArrayBuffer || ArrayBuffer.isView(data)) return [bytesOf(data)];
  const iterates = typeof data === "object" && data !== null && (Symbol.asyncIterator in data || Symbol.iterator in data);
  if (!iterates) throw badArgument("what is written is text, bytes, or pieces of them");
  return each(data, encoding);
}

async function* each(
  pieces: Iterable<string | ArrayBufferView> | AsyncIterable<string | ArrayBufferView>,
  encoding: Encoding,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const piece of pieces) yield typeof piece === "string" ? encode(piece, encoding) : bytesOf(piece);
}
