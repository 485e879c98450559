/**
 * Numbers as text. Of a power of two, 54 of them and their opposites, the engine
 * gives 17 digits where the standard's shortest text has 16 or fewer: above such a
 * number its neighbour is twice as far as below, which the engine does not see.
 * Its own ways from a number to a text that no script can reach stay as they are:
 * template literals, `+`, `join`.
 */
import { replaceMethods } from "./patch.ts";

/** A number with 17 digits and an exponent: all that the engine has wrong look so. */
const LONG = /\d\.\d{16}e[-+]\d+/;
/** The shortest of those texts, in characters. */
const LONG_LENGTH = "1.2345678901234567e+1".length;

/** The shortest text of the number that this text is of. */
function shorten(text: string): string {
  const parts = /^(-?)(\d)\.(\d{15})\de(.+)$/.exec(text);
  if (!parts) return text;
  const [, sign, first, rest, exponent] = parts;
  // The next one up: were it the one below, the engine would have found it.
  const digits = String(BigInt(`${first}${rest}`) + 1n).replace(/0+$/, "");
  const shorter = `${sign}${digits[0]}${digits.length > 1 ? `.${digits.slice(1)}` : ""}e${exponent}`;
  return Number(shorter) === Number(text) ? shorter : text;
}

const ALL_LONG = new RegExp(LONG, "g");

/** The engine's own way to JSON, for those who look at the numbers themselves. */
export const { stringify } = JSON;

/** Whether the engine's text of a number may be a long one: only with an exponent. */
export const mayBeLong = (number: number): boolean =>
  number >= 1e21 || number <= -1e21 || (number < 1e-6 && number > -1e-6 && number !== 0);

/** The same JSON with the shortest text of every number. */
export function shortenAll(json: string): string {
  let shortened = "";
  for (let at = 0; at < json.length; ) {
    const quote = json.indexOf('"', at);
    const end = quote < 0 ? json.length : quote;
    shortened += json.slice(at, end).replace(ALL_LONG, shorten);
    at = quote < 0 ? end : endOfString(json, quote);
    shortened += json.slice(end, at);
  }
  return shortened;
}

/** Where the string ends that begins with this quote. */
function endOfString(json: string, quote: number): number {
  for (let at = quote + 1; ; at++) {
    at = json.indexOf('"', at);
    if (at < 0) return json.length;
    let before = at;
    while (json[before - 1] === "\\") before--;
    if ((at - before) % 2 === 0) return at + 1;
  }
}

const text = (long: string): string => (long.length >= LONG_LENGTH && LONG.test(long) ? shorten(long) : long);

function mend(): void {
  const { toString } = Number.prototype;
  replaceMethods(Number.prototype, {
    toString(this: number, radix?: number) {
      const long = toString.call(this, radix);
      return radix === undefined || radix === 10 ? text(long) : long;
    },
  });
  replaceMethods(JSON, {
    stringify(value: unknown, replacer?: any, space?: any) {
      const json = stringify(value, replacer, space);
      return json !== undefined && LONG.test(json) ? shortenAll(json) : json;
    },
  });
  const Text = String;
  function mended(this: unknown, ...values: [unknown?]): unknown {
    if (new.target) return Reflect.construct(Text, typeof values[0] === "number" ? [mended(values[0])] : values, new.target);
    return typeof values[0] === "number" ? text(Text(values[0])) : Text(...values);
  }
  Object.defineProperties(mended, Object.getOwnPropertyDescriptors(Text));
  Object.defineProperty(mended, "prototype", { value: Text.prototype, writable: false });
  Object.defineProperty(Text.prototype, "constructor", { value: mended, writable: true, configurable: true });
  Object.defineProperty(globalThis, "String", { value: mended, writable: true, configurable: true });
}

// Engines of the other track have it right.
if (String(2 ** -24) !== "5.960464477539063e-8") mend();
