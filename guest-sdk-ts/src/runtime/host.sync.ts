/** The world's imports on the sync track, as jco links them for StarlingMonkey. */
import * as host from "distri:plugin/host@0.2.0";
import "./console.ts";
import { takingText } from "./host.ts";

export const callTool = takingText(host.callTool);
export const callAgent = takingText(host.callAgent);
export const getSessionValue = takingText(host.getSessionValue);
export const setSessionValue = takingText(host.setSessionValue);
export const log = takingText(host.log);

export const randomBytes = (length: number): Uint8Array => crypto.getRandomValues(new Uint8Array(length));

/** The world that jco links has none. */
export const environment = (): { [name: string]: string } => ({});
