/**
 * The order of texts as the Unicode Collation Algorithm has it, with the order that
 * English, German and many more take: letters first, then accents, then case. Of
 * ASCII and what is composed from it; another character is an error.
 */
import { firstOf, optionsOf, refuse, refuseOption } from "./locales.ts";

const INSTEAD = "compare with `<`, which goes by code units";

const ORDER = "\t\n\r _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$0123456789abcdefghijklmnopqrstuvwxyz";
/**
 * The marks that Latin letters are composed with, in their order. As numbers, for the
 * engine counts a script's columns in bytes, and the places in errors are found by them.
 */
const MARKS = [
  0x301, 0x300, 0x306, 0x302, 0x30c, 0x30a, 0x308, 0x30b, 0x303, 0x307, 0x327, 0x328, 0x304,
  0x309, 0x30f, 0x311, 0x31b, 0x323, 0x324, 0x325, 0x326, 0x32d, 0x32e, 0x330, 0x331,
];
const KNOWN = /^[\t\n\r\x20-\x7e\u0300-\u0304\u0306-\u030c\u030f\u0311\u031b\u0323-\u0328\u032d\u032e\u0330\u0331]*$/;
/** The languages that take this order, whatever the country. */
const LANGUAGES = /^(en|de|it|nl|pt)(-[A-Z]{2})?$/i;

/** What a text is compared by, one thing after another. */
type Levels = [letters: number[], accents: number[], cases: number[]];

export function compare(one: string, other: string, locales: unknown, given: unknown): number {
  const method = "String.prototype.localeCompare";
  const locale = firstOf(locales);
  if (locale !== undefined && !LANGUAGES.test(locale)) refuse(method, `the order of "${locale}"`, INSTEAD);
  const options = optionsOf(method, given, ["usage", "sensitivity", "numeric", "ignorePunctuation", "caseFirst"], INSTEAD);
  for (const [name, usual] of [["usage", "sort"], ["numeric", false], ["ignorePunctuation", false], ["caseFirst", "false"]] as const) {
    if (options[name] !== undefined && options[name] !== usual) refuseOption(method, name, options[name], INSTEAD);
  }
  const { sensitivity = "variant" } = options;
  const count = ["base", "accent", "variant"].indexOf(String(sensitivity)) + 1;
  if (count === 0) refuseOption(method, "sensitivity", sensitivity, INSTEAD);
  if (one === other) return 0;
  const [left, right] = [levels(method, one), levels(method, other)];
  for (let level = 0; level < count; level++) {
    const order = compareLevel(left[level]!, right[level]!);
    if (order !== 0) return order;
  }
  return 0;
}

function levels(method: string, text: string): Levels {
  const decomposed = text.normalize("NFD");
  if (!KNOWN.test(decomposed)) {
    const character = [...text].find((character) => !KNOWN.test(character.normalize("NFD")));
    refuse(method, `the order of ${JSON.stringify(character)}`, INSTEAD);
  }
  const [letters, accents, cases]: Levels = [[], [], []];
  for (const character of decomposed) {
    const lower = character.toLowerCase();
    const letter = ORDER.indexOf(lower);
    if (letter >= 0) letters.push(letter);
    accents.push(letter >= 0 ? 0 : MARKS.indexOf(character.charCodeAt(0)) + 1);
    cases.push(lower === character ? 0 : 1);
  }
  return [letters, accents, cases];
}

function compareLevel(one: number[], other: number[]): number {
  for (let at = 0; at < one.length && at < other.length; at++) {
    if (one[at] !== other[at]) return one[at]! < other[at]! ? -1 : 1;
  }
  return Math.sign(one.length - other.length);
}
