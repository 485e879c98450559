/** The world's imports, as the engines offer them to modules. */
declare module "distri:plugin/host@0.3.0" {
  const host: import("./host.ts").Host;
  export default host;
}

declare module "distri:plugin/host@0.2.0" {
  type Host = import("./host.ts").Host;
  export const callTool: Host["callTool"];
  export const callAgent: Host["callAgent"];
  export const getSessionValue: Host["getSessionValue"];
  export const setSessionValue: Host["setSessionValue"];
  export const log: Host["log"];
}

declare module "wasi:random/random@0.3.0" {
  const random: {
    /** At most this many bytes; the engine passes a `u64` as a number. */
    getRandomBytes(length: number): Uint8Array;
  };
  export default random;
}

declare const crypto: { getRandomValues(bytes: Uint8Array): Uint8Array };
