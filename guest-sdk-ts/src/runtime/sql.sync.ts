/** The world's import of databases on the sync track, as jco links it for StarlingMonkey. */
import type { Integer } from "./sql.ts";

/** The engine passes a 64-bit integer as a `bigint`. */
export const integer = (value: number): Integer => BigInt(value);

export { begin, execute, query } from "distri:plugin/sql@0.2.0";
