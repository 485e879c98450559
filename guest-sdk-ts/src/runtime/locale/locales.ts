/** Which locale and options a method is asked for, and that there are no others. */

/** Says what is not there, and what to do. */
export function refuse(method: string, what: string, instead: string): never {
  throw new TypeError(`${method}: ${what} is not available, as plugins have no Intl: ${instead}`);
}

/** The locale that is asked for; none when any will do. */
export function firstOf(locales: unknown): string | undefined {
  if (locales === undefined) return undefined;
  if (locales === null) throw new TypeError("null is not a locale");
  const first: unknown = typeof locales === "string" ? locales : Array.isArray(locales) ? locales[0] : locales;
  if (first === undefined) return undefined;
  const locale = String(first);
  if (!/^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$/.test(locale)) throw new RangeError(`Incorrect locale information provided: "${locale}"`);
  return locale;
}

/** Refuses all but US English, which is also what any locale means. */
export function assertEnglish(method: string, locales: unknown, instead: string): void {
  const locale = firstOf(locales);
  if (locale !== undefined && !/^en(-US)?$/i.test(locale)) refuse(method, `the locale "${locale}"`, instead);
}

/** The options of these names; refuses others that are set. */
export function optionsOf(method: string, given: unknown, names: readonly string[], instead: string): { [name: string]: unknown } {
  if (given === undefined) return {};
  if (given === null) throw new TypeError(`${method}: null is not an object of options`);
  const options = Object(given) as { [name: string]: unknown };
  for (const name in options) {
    if (!names.includes(name) && options[name] !== undefined) refuseOption(method, name, options[name], instead);
  }
  return options;
}

export function refuseOption(method: string, name: string, value: unknown, instead: string): never {
  refuse(method, `the option ${name}: ${typeof value === "string" ? JSON.stringify(value) : String(value)}`, instead);
}
