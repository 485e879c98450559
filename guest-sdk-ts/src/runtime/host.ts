/**
 * What the host does for a plugin, whatever the track: on the sync one the
 * values are there at once, which `await` does not mind.
 */
export type LogLevel = "trace" | "debug" | "info" | "warn" | "error";

export interface HostError {
  kind: string;
  message: string;
  hint?: string | null;
  detail?: string | null;
}

/** A function of the host's that takes strings. Only whole characters cross to it. */
export const takingText =
  <Args extends string[], T>(call: (...texts: Args) => T) =>
  (...texts: Args): T =>
    call(...(texts.map((text) => String(text).toWellFormed()) as Args));

export interface Host {
  callTool(name: string, input: string): string | Promise<string>;
  callAgent(name: string, task: string, options: string): string | Promise<string>;
  getSessionValue(key: string): string | null | undefined | Promise<string | null | undefined>;
  setSessionValue(key: string, value: string): void | Promise<void>;
  log(level: LogLevel, message: string): void;
}
