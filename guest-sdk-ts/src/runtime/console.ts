/** `console`, whose lines go to the host's log. */
import { log } from "#host";
import type { LogLevel } from "./host.ts";

function show(value: unknown): string {
  if (typeof value === "string") return value;
  if (value instanceof Error) return value.stack ? `${value}\n${value.stack}` : String(value);
  if (typeof value === "object" && value !== null) {
    try {
      return JSON.stringify(value);
    } catch {
      return String(value);
    }
  }
  return String(value);
}

const write = (level: LogLevel) => (...values: unknown[]) => log(level, values.map(show).join(" "));

(globalThis as { console?: unknown }).console = {
  trace: write("trace"),
  debug: write("debug"),
  log: write("info"),
  info: write("info"),
  warn: write("warn"),
  error: write("error"),
};
