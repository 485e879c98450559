/** The world's imports, as the engine offers them to modules. */
declare module "distri:plugin/host@0.3.0" {
  namespace host {
    type LogLevel = "trace" | "debug" | "info" | "warn" | "error";
    interface CallError {
      kind: string;
      message: string;
      hint: string | null;
      detail: string | null;
    }
  }
  const host: {
    callTool(name: string, input: string): Promise<string>;
    callAgent(name: string, task: string, options: string): Promise<string>;
    getSessionValue(key: string): Promise<string | null>;
    setSessionValue(key: string, value: string): Promise<void>;
    log(level: host.LogLevel, message: string): void;
  };
  export default host;
}

declare module "wasi:random/random@0.3.0" {
  const random: {
    /** At most this many bytes; the engine passes a `u64` as a number. */
    getRandomBytes(length: number): Uint8Array;
  };
  export default random;
}
