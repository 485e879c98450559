/** The world's imports on the async track, as `distri build` links them. */
import host from "distri:plugin/host@0.3.0";
import cli from "wasi:cli/environment@0.3.0";
import random from "wasi:random/random@0.3.0";
import { takingText } from "./host.ts";

export const callTool = takingText(host.callTool);
export const callAgent = takingText(host.callAgent);
export const getSessionValue = takingText(host.getSessionValue);
export const setSessionValue = takingText(host.setSessionValue);
export const log = takingText(host.log);

export const randomBytes = (length: number): Uint8Array => new Uint8Array(random.getRandomBytes(length));

export const environment = (): { [name: string]: string } => Object.fromEntries(cli.getEnvironment());
