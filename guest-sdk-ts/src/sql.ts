/**
 * `distri/sql`: databases that the operator names.
 *
 * ```ts
 * const db = database("main");
 * const rows = await db.query<{ id: number; name: string }>("select id, name from users where id = $1", [7]);
 * ```
 *
 * A statement is one statement; its parameters are `$1`, `$2` and so on, in every
 * database. A plugin reaches the databases that its manifest asks for and the
 * operator grants.
 */
import * as sql from "#sql";
import { ask, CallError } from "./error.ts";
import { assertRunning } from "./runtime/phase.ts";
import type { Rows, Transaction, Value } from "./runtime/sql.ts";

export { CallError };

/**
 * A value of a row. An integer is a `number` where that is exact, else a
 * `bigint`. Times are ISO 8601, and decimal numbers, UUIDs and JSON are text.
 */
export type SqlValue = null | boolean | number | bigint | string | Uint8Array;

/** A value of a parameter. A `Date` is sent as text in ISO 8601. */
export type SqlParameter = SqlValue | Date | ArrayBuffer;

/** What statements are run on: a database, or a transaction. */
export interface Queries {
  /**
   * Runs a statement that gives rows.
   *
   * @throws {CallError} of the kind `invalid-input` for what the database refuses,
   * with its `sqlstate` in `detail`.
   */
  query<Row = { [column: string]: SqlValue }>(statement: string, parameters?: readonly SqlParameter[]): Promise<Row[]>;

  /** Runs a statement and tells how many rows it changed. */
  execute(statement: string, parameters?: readonly SqlParameter[]): Promise<{ rowsAffected: number }>;
}

/** A database. */
export interface Database extends Queries {
  /** The name that the operator gave it. */
  readonly name: string;

  /**
   * Runs statements that are done all together or not at all: what `work` throws
   * undoes them. After a statement that failed there is nothing to be done but
   * to let its error go on.
   */
  transaction<Result>(work: (transaction: Queries) => Promise<Result> | Result): Promise<Result>;
}

/** As it crosses to the host: of whole characters. */
const text = (value: string) => String(value).toWellFormed();

/** The database of this name. */
export function database(name: string): Database {
  return {
    name,
    query: async <Row>(statement: string, parameters: readonly SqlParameter[] = []) => {
      assertRunning("query");
      const values = parameters.map(toValue);
      return toRows<Row>(await ask(() => sql.query(text(name), text(statement), values)));
    },
    execute: async (statement, parameters = []) => {
      assertRunning("execute");
      const values = parameters.map(toValue);
      return { rowsAffected: Number(await ask(() => sql.execute(text(name), text(statement), values))) };
    },
    transaction: async (work) => {
      assertRunning("transaction");
      const transaction = await ask(() => sql.begin(text(name)));
      try {
        const result = await work(within(transaction));
        await ask(() => transaction.commit());
        return result;
      } catch (error) {
        // It may be over already; then the database undid it.
        await ask(() => transaction.rollback()).catch(() => {});
        throw error;
      } finally {
        dispose(transaction);
      }
    },
  };
}

/** Gives a resource back to the host, where the engine does not wait for its garbage to be collected. */
function dispose(resource: object): void {
  const symbol = (Symbol as { dispose?: symbol }).dispose;
  if (symbol) (resource as { [method: symbol]: (() => void) | undefined })[symbol]?.();
}

function within(transaction: Transaction): Queries {
  return {
    query: async <Row>(statement: string, parameters: readonly SqlParameter[] = []) => {
      const values = parameters.map(toValue);
      return toRows<Row>(await ask(() => transaction.query(text(statement), values)));
    },
    execute: async (statement, parameters = []) => {
      const values = parameters.map(toValue);
      return { rowsAffected: Number(await ask(() => transaction.execute(text(statement), values))) };
    },
  };
}

function toValue(parameter: SqlParameter, at: number): Value {
  if (parameter === null) return { tag: "null" };
  switch (typeof parameter) {
    case "boolean":
      return { tag: "boolean", val: parameter };
    case "number":
      return Number.isSafeInteger(parameter)
        ? { tag: "integer", val: sql.integer(parameter) }
        : { tag: "real", val: parameter };
    case "bigint":
      return { tag: "large-integer", val: String(parameter) };
    case "string":
      return { tag: "text", val: text(parameter) };
  }
  if (parameter instanceof Date) return { tag: "text", val: parameter.toISOString() };
  if (parameter instanceof ArrayBuffer) return { tag: "blob", val: new Uint8Array(parameter) };
  if (parameter instanceof Uint8Array) return { tag: "blob", val: parameter };
  throw new TypeError(
    `$${at + 1} is ${parameter === undefined ? "undefined" : "an object"}: ` +
      "a parameter is null, a boolean, a number, a bigint, a string, a Uint8Array or a Date",
  );
}

function toRows<Row>({ columns, rows }: Rows): Row[] {
  return rows.map((row) => Object.fromEntries(row.map((value, at) => [columns[at], fromValue(value)])) as Row);
}

function fromValue(value: Value): SqlValue {
  switch (value.tag) {
    case "null":
      return null;
    case "integer":
      return Number(value.val);
    case "large-integer":
      return BigInt(value.val);
    case "blob":
      // An engine may make it with a `Uint8Array` that is not the plugin's.
      return value.val instanceof Uint8Array ? value.val : new Uint8Array(value.val);
    default:
      return value.val;
  }
}
