/** The world's imports on the sync track, as jco links them for StarlingMonkey. */
import "./console.ts";

export { callAgent, callTool, getSessionValue, log, setSessionValue } from "distri:plugin/host@0.2.0";

export const randomBytes = (length: number): Uint8Array => crypto.getRandomValues(new Uint8Array(length));

/** The world that jco links has none. */
export const environment = (): { [name: string]: string } => ({});
