/** The world's import of databases on the async track, as `distri build` links it. */
import sql from "distri:plugin/sql@0.3.0";
import type { Integer, Sql } from "./sql.ts";

export const { query, execute, begin }: Sql = sql;

/** The engine passes a 64-bit integer as a number. */
export const integer = (value: number): Integer => value;
