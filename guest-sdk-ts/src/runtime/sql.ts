/**
 * What the host does with databases, whatever the track: on the sync one the
 * values are there at once, which `await` does not mind.
 */

/** A value of `distri:plugin/sql-types`. */
export type Value =
  | { tag: "null" }
  | { tag: "boolean"; val: boolean }
  | { tag: "integer"; val: Integer }
  | { tag: "large-integer"; val: string }
  | { tag: "real"; val: number }
  | { tag: "text"; val: string }
  | { tag: "blob"; val: Uint8Array };

/** A `number` in one engine, a `bigint` in the other, for what both hold. */
export type Integer = number | bigint;

export interface Rows {
  columns: string[];
  rows: Value[][];
}

export interface Transaction {
  query(statement: string, parameters: Value[]): Rows | Promise<Rows>;
  execute(statement: string, parameters: Value[]): Integer | Promise<Integer>;
  commit(): void | Promise<void>;
  rollback(): void | Promise<void>;
}

export interface Sql {
  query(database: string, statement: string, parameters: Value[]): Rows | Promise<Rows>;
  execute(database: string, statement: string, parameters: Value[]): Integer | Promise<Integer>;
  begin(database: string): Transaction | Promise<Transaction>;
}
