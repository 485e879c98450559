/** Dates and times in US English, in UTC: a plugin has no other time zone. */
import { assertEnglish, optionsOf, refuse, refuseOption } from "./locales.ts";

const INSTEAD = "build the text from getUTCFullYear() and its like, or take toISOString()";

function check(method: string, locales: unknown, given: unknown): void {
  assertEnglish(method, locales, INSTEAD);
  const { timeZone } = optionsOf(method, given, ["timeZone"], INSTEAD);
  if (timeZone !== undefined && !/^(Etc\/)?(UTC|GMT)$/i.test(String(timeZone))) {
    refuseOption(method, "timeZone", timeZone, INSTEAD);
  }
}

export function dateText(method: string, date: Date, locales: unknown, given: unknown): string {
  check(method, locales, given);
  if (Number.isNaN(date.getTime())) return "Invalid Date";
  const year = date.getUTCFullYear();
  if (year < 1) refuse(method, "a date before the year 1", INSTEAD);
  return `${date.getUTCMonth() + 1}/${date.getUTCDate()}/${year}`;
}

export function timeText(method: string, date: Date, locales: unknown, given: unknown): string {
  check(method, locales, given);
  if (Number.isNaN(date.getTime())) return "Invalid Date";
  const hours = date.getUTCHours();
  const two = (part: number): string => String(part).padStart(2, "0");
  const rest = `${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`;
  return `${hours % 12 || 12}:${rest} ${hours < 12 ? "AM" : "PM"}`;
}
