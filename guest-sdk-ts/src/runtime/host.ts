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

export interface Host {
  callTool(name: string, input: string): string | Promise<string>;
  callAgent(name: string, task: string, options: string): string | Promise<string>;
  getSessionValue(key: string): string | null | undefined | Promise<string | null | undefined>;
  setSessionValue(key: string, value: string): void | Promise<void>;
  log(level: LogLevel, message: string): void;
}
