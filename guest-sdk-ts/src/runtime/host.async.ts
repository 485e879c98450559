/** The world's imports on the async track, as `distri build` links them. */
import host from "distri:plugin/host@0.3.0";
import cli from "wasi:cli/environment@0.3.0";
import random from "wasi:random/random@0.3.0";
import type { Host } from "./host.ts";

export const { callTool, callAgent, getSessionValue, setSessionValue, log }: Host = host;

export const randomBytes = (length: number): Uint8Array => new Uint8Array(random.getRandomBytes(length));

export const environment = (): { [name: string]: string } => Object.fromEntries(cli.getEnvironment());
