/** Numbers, percentages and amounts of money in US English. */
import { assertEnglish, optionsOf, refuseOption } from "./locales.ts";

const INSTEAD = "build the text with toFixed()";

/** The signs that US English has for currencies, and how many digits their amounts have. */
const CURRENCIES: { [code: string]: [sign: number, digits: number] } = {
  USD: [0x24, 2],
  EUR: [0x20ac, 2],
  GBP: [0xa3, 2],
  JPY: [0xa5, 0],
};
const INFINITY = [0x221e];
/** The digits after the point that may be asked for, by ECMA-402. */
const MOST_DIGITS = 100;

const NAMES = ["style", "currency", "useGrouping", "minimumFractionDigits", "maximumFractionDigits"];

export function numberText(method: string, value: number | bigint, locales: unknown, given: unknown): string {
  assertEnglish(method, locales, INSTEAD);
  const options = optionsOf(method, given, NAMES, INSTEAD);
  const { style = "decimal", useGrouping = true } = options;
  let sign = "";
  let [least, most] = [0, 3];
  if (style === "currency") {
    const { currency } = options;
    if (currency === undefined) throw new TypeError(`${method}: with the style "currency" the option currency is needed`);
    const known = CURRENCIES[String(currency).toUpperCase()];
    if (!known) return refuseOption(method, "currency", currency, INSTEAD);
    sign = String.fromCharCode(known[0]);
    least = most = known[1];
  } else if (style === "percent") {
    most = 0;
  } else if (style !== "decimal") {
    refuseOption(method, "style", style, INSTEAD);
  }
  if (typeof useGrouping !== "boolean" && useGrouping !== "auto" && useGrouping !== "always") {
    refuseOption(method, "useGrouping", useGrouping, INSTEAD);
  }
  [least, most] = digitsOf(method, options, least, most);
  const minus = value < 0 || Object.is(value, -0) ? "-" : "";
  const end = style === "percent" ? "%" : "";
  if (typeof value === "number" && !Number.isFinite(value)) {
    return `${minus}${sign}${Number.isNaN(value) ? "NaN" : String.fromCharCode(...INFINITY)}${end}`;
  }
  const [whole, fraction] = rounded(value, style === "percent" ? 2 : 0, least, most);
  const grouped = useGrouping ? whole.replace(/\B(?=(\d{3})+$)/g, ",") : whole;
  return `${minus}${sign}${grouped}${fraction && `.${fraction}`}${end}`;
}

/** How many digits after the point there are at least and at most. */
function digitsOf(method: string, options: { [name: string]: unknown }, least: number, most: number): [number, number] {
  const digits = (name: string): number | undefined => {
    if (options[name] === undefined) return undefined;
    const count = Math.floor(Number(options[name]));
    if (!(count >= 0 && count <= MOST_DIGITS)) throw new RangeError(`${name} value is out of range.`);
    return count;
  };
  const [from, to] = [digits("minimumFractionDigits"), digits("maximumFractionDigits")];
  if (from !== undefined && to !== undefined && from > to) throw new RangeError("maximumFractionDigits value is out of range.");
  return [from ?? Math.min(least, to ?? least), to ?? Math.max(most, from ?? most)];
}

/**
 * The digits before and after the point, half away from zero. As in other engines it
 * is the number's shortest text that is rounded.
 */
function rounded(value: number | bigint, shift: number, least: number, most: number): [string, string] {
  const text = typeof value === "bigint" ? `${value}e+0` : value.toExponential();
  const [, first = "0", rest = "", exponent = "0"] = /^-?(\d+)(?:\.(\d+))?e(.+)$/.exec(text) ?? [];
  const point = first.length + Number(exponent) + shift;
  const digits = "0".repeat(Math.max(0, 1 - point)) + first + rest + "0".repeat(Math.max(0, point - first.length - rest.length));
  const whole = Math.max(point, 1);
  const up = (digits[whole + most] ?? "0") >= "5" ? 1n : 0n;
  const kept = String(BigInt(digits.slice(0, whole + most).padEnd(whole + most, "0")) + up).padStart(most + 1, "0");
  const before = kept.slice(0, kept.length - most);
  let after = kept.slice(kept.length - most);
  while (after.length > least && after.endsWith("0")) after = after.slice(0, -1);
  return [before, after];
}
