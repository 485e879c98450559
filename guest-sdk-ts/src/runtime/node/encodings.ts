/** The encodings in which Node reads and writes text. */
import { bytesOf, fromUtf8, TextDecoder, utf8 } from "../web/text.ts";
import { badArgument } from "./errors.ts";

export type Encoding =
  | "utf8" | "utf-8" | "ascii" | "latin1" | "binary" | "hex" | "base64" | "base64url" | "utf16le" | "ucs2";

/** Strings of bytes, each one a code unit. */
function binary(bytes: Uint8Array): string {
  let text = "";
  // So many arguments a function takes at once.
  for (let at = 0; at < bytes.length; at += 4096) text += String.fromCharCode(...bytes.subarray(at, at + 4096));
  return text;
}

const unbinary = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

export function decode(bytes: Uint8Array, encoding: Encoding): string {
  switch (encoding.toLowerCase()) {
    case "utf8":
    case "utf-8":
      return fromUtf8(bytes, true);
    case "latin1":
    case "binary":
      return binary(bytes);
    case "ascii":
      return binary(bytes.map((byte) => byte & 0x7f));
    case "hex":
      return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    case "base64":
      return btoa(binary(bytes));
    case "base64url":
      return btoa(binary(bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
    case "utf16le":
    case "ucs2":
      return new TextDecoder("utf-16le", { ignoreBOM: true }).decode(bytes);
    default:
      throw badArgument(`unknown encoding: ${encoding}`);
  }
}

export function encode(text: string, encoding: Encoding): Uint8Array {
  switch (encoding.toLowerCase()) {
    case "utf8":
    case "utf-8":
      return utf8(text);
    case "latin1":
    case "binary":
    case "ascii":
      return unbinary(text);
    case "hex":
      return Uint8Array.from(text.match(/[0-9a-f]{2}/gi) ?? [], (digits) => parseInt(digits, 16));
    case "base64":
    case "base64url":
      return unbinary(atob(text.replaceAll("-", "+").replaceAll("_", "/")));
    case "utf16le":
    case "ucs2":
      return bytesOf(Uint16Array.from(text, (character) => character.charCodeAt(0)));
    default:
      throw badArgument(`unknown encoding: ${encoding}`);
  }
}

/** What can be written to a file. */
export type Data =
  | string
  | ArrayBufferView
  | ArrayBuffer
  | Iterable<string | ArrayBufferView>
  | AsyncIterable<string | ArrayBufferView>;

/** The bytes of what is written, piece by piece. */
export async function* piecesOf(data: Data, encoding: Encoding): AsyncGenerator<Uint8Array, void, undefined> {
  if (typeof data === "string") {
    yield encode(data, encoding);
  } else if (data instanceof ArrayBuffer || ArrayBuffer.isView(data)) {
    yield bytesOf(data);
  } else if (typeof data === "object" && data !== null && (Symbol.asyncIterator in data || Symbol.iterator in data)) {
    for await (const piece of data) yield typeof piece === "string" ? encode(piece, encoding) : bytesOf(piece);
  } else {
    throw badArgument("what is written is text, bytes, or pieces of them");
  }
}
