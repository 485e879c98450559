/**
 * What the engine does for people: without locales, and whatever it is asked for. In
 * its place here is what is right, in US English, or an error that says what is
 * missing.
 */
import { replaceMethods } from "../patch.ts";
import { compare } from "./compare.ts";
import { dateText, timeText } from "./dates.ts";
import { firstOf, refuse } from "./locales.ts";
import { numberText } from "./numbers.ts";

/** What is done in another way in these languages. */
const CASED = /^(az|el|lt|tr)\b/i;

function cased(method: "toLowerCase" | "toUpperCase", called: string) {
  return function (this: string, locales?: unknown): string {
    const locale = firstOf(locales);
    if (locale !== undefined && CASED.test(locale)) refuse(`String.prototype.${called}`, `the case of "${locale}"`, `call ${method}()`);
    return String.prototype[method].call(this);
  };
}

function joined(this: ArrayLike<any>, locales?: unknown, options?: unknown): string {
  const texts = Array.from(this, (item) => (item === null || item === undefined ? "" : String(item.toLocaleString(locales, options))));
  return texts.join(",");
}

function mend(): void {
  replaceMethods(Number.prototype, {
    toLocaleString(this: number, locales?: unknown, options?: unknown) {
      return numberText("Number.prototype.toLocaleString", Number.prototype.valueOf.call(this), locales, options);
    },
  });
  replaceMethods(BigInt.prototype, {
    toLocaleString(this: bigint, locales?: unknown, options?: unknown) {
      return numberText("BigInt.prototype.toLocaleString", BigInt.prototype.valueOf.call(this), locales, options);
    },
  });
  replaceMethods(Date.prototype, {
    toLocaleString(this: Date, locales?: unknown, options?: unknown) {
      const method = "Date.prototype.toLocaleString";
      const date = dateText(method, this, locales, options);
      return date === "Invalid Date" ? date : `${date}, ${timeText(method, this, locales, options)}`;
    },
    toLocaleDateString(this: Date, locales?: unknown, options?: unknown) {
      return dateText("Date.prototype.toLocaleDateString", this, locales, options);
    },
    toLocaleTimeString(this: Date, locales?: unknown, options?: unknown) {
      return timeText("Date.prototype.toLocaleTimeString", this, locales, options);
    },
  });
  replaceMethods(String.prototype, {
    localeCompare(this: string, that: unknown, locales?: unknown, options?: unknown) {
      return compare(String(this), String(that), locales, options);
    },
    toLocaleLowerCase: cased("toLowerCase", "toLocaleLowerCase"),
    toLocaleUpperCase: cased("toUpperCase", "toLocaleUpperCase"),
  });
  replaceMethods(Array.prototype, { toLocaleString: joined });
  replaceMethods(Object.getPrototypeOf(Uint8Array.prototype), { toLocaleString: joined });
}

// An engine that has locales does it by itself.
if (typeof (globalThis as { Intl?: unknown }).Intl === "undefined") mend();
