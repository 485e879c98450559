/** `console`, whose lines go to the host's log. */
import { log } from "#host";
import { format, inspect, show } from "./format.ts";
import type { LogLevel } from "./host.ts";

let indentation = "";
const counts = new Map<string, number>();
const started = new Map<string, number>();

function line(level: LogLevel, text: string): void {
  log(level, indentation + text.replaceAll("\n", `\n${indentation}`));
}

const write =
  (level: LogLevel) =>
  (...values: unknown[]): void =>
    line(level, format(values));

const [debug, info, warn, error] = [write("debug"), write("info"), write("warn"), write("error")];

/** Says what nobody caught. */
function report(thrown: unknown): void {
  error("Uncaught", thrown);
}

/** Runs what nobody waits for, and says what goes wrong in it, now or later. */
export function attempt(act: () => unknown): void {
  try {
    const outcome = act();
    if (outcome instanceof Promise) outcome.catch(report);
  } catch (error) {
    report(error);
  }
}

function group(...labels: unknown[]): void {
  if (labels.length > 0) info(...labels);
  indentation += "  ";
}

function elapsed(label: string): string | undefined {
  const start = started.get(label);
  if (start === undefined) return warn(`there is no timer "${label}"`) as undefined;
  return `${label}: ${(performance.now() - start).toFixed(3)} ms`;
}

/** Rows and columns, with what is not tabular as a plain value. */
function table(data: unknown, columns?: readonly string[]): void {
  if (typeof data !== "object" || data === null) return info(data);
  const rows = Object.entries(data);
  const tabular = (row: unknown): row is Record<string, unknown> => typeof row === "object" && row !== null;
  const names = columns ?? [...new Set(rows.flatMap(([, row]) => (tabular(row) ? Object.keys(row) : [])))];
  const plain = rows.some(([, row]) => !tabular(row));
  const cells = rows.map(([index, row]) => [
    index,
    ...names.map((name) => (tabular(row) && name in row ? inspect(row[name]) : "")),
    ...(plain ? [tabular(row) ? "" : inspect(row)] : []),
  ]);
  const lines = [["(index)", ...names, ...(plain ? ["Values"] : [])], ...cells];
  const widths = lines[0]!.map((_, at) => Math.max(...lines.map((cell) => cell[at]!.length)));
  for (const cell of lines) line("info", cell.map((text, at) => text.padEnd(widths[at]!)).join(" | ").trimEnd());
}

const own = {
  debug,
  info,
  log: info,
  warn,
  error,
  trace: write("trace"),
  dir: (value: unknown) => line("info", inspect(value)),
  dirxml: info,
  table,
  assert(condition?: unknown, ...values: unknown[]): void {
    if (condition) return;
    const [first, ...rest] = values;
    if (typeof first === "string") error(`Assertion failed: ${first}`, ...rest);
    else error("Assertion failed", ...values);
  },
  count(label: unknown = "default"): void {
    const name = show(label);
    counts.set(name, (counts.get(name) ?? 0) + 1);
    info(`${name}: ${counts.get(name)}`);
  },
  countReset(label: unknown = "default"): void {
    counts.delete(show(label));
  },
  time(label: unknown = "default"): void {
    started.set(show(label), performance.now());
  },
  timeLog(label: unknown = "default", ...values: unknown[]): void {
    const text = elapsed(show(label));
    if (text !== undefined) info(text, ...values);
  },
  timeEnd(label: unknown = "default"): void {
    const text = elapsed(show(label));
    if (text !== undefined) line("info", text);
    started.delete(show(label));
  },
  group,
  groupCollapsed: group,
  groupEnd(): void {
    indentation = indentation.slice(2);
  },
};

Object.defineProperty(globalThis, "console", { value: own, writable: true, configurable: true });
