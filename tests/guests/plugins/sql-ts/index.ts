// Does with databases what its input says, and tells what came of it.
import { createTool } from "distri/base";
import { database, type Queries, type SqlParameter, type SqlValue } from "distri/sql";

type Given = null | boolean | number | string | { blob: number[] } | { integer: string };
interface Step {
  do: "query" | "execute";
  statement: string;
  parameters?: Given[];
  /** Goes on when it fails. */
  go_on?: boolean;
}

function given(value: Given): SqlParameter {
  if (typeof value !== "object" || value === null) return value;
  return "blob" in value ? new Uint8Array(value.blob) : BigInt(value.integer);
}

function shown(value: SqlValue): unknown {
  if (typeof value === "bigint") return { integer: String(value) };
  if (value instanceof Uint8Array) return { blob: [...value] };
  return value;
}

async function take(on: Queries, step: Step): Promise<unknown> {
  const parameters = (step.parameters ?? []).map(given);
  if (step.do === "execute") return (await on.execute(step.statement, parameters)).rowsAffected;
  const rows = await on.query(step.statement, parameters);
  return rows.map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, shown(value)])));
}

function told(error: any): unknown {
  if (error?.kind === undefined) throw error;
  const { kind, message, hint = null, detail = null } = error;
  return { kind, message, hint, detail };
}

let calls = 0;

export default {
  tools: [
    createTool({
      name: "abandon",
      execute: ({ database: name, ...step }: Step & { database: string }) => {
        take(database(name), step).catch(() => {});
        return ++calls;
      },
    }),
    createTool({
      name: "run",
      execute: ({ database: name, ...step }: Step & { database: string }) => take(database(name), step).catch(told),
    }),
    createTool({
      name: "each",
      execute: async (input: { database: string; steps: Step[] }) => {
        const answers: unknown[] = [];
        for (const step of input.steps) answers.push(await take(database(input.database), step).catch(told));
        return answers;
      },
    }),
    createTool({
      name: "transact",
      execute: async (input: { database: string; steps: Step[]; then: string; within?: Step }) => {
        const answers: unknown[] = [];
        const end = await database(input.database)
          .transaction(async (transaction) => {
            for (const step of input.steps) {
              const answer = take(transaction, step);
              answers.push(await (step.go_on ? answer.catch(told) : answer));
            }
            if (input.within) answers.push(await take(database(input.database), input.within));
            if (input.then === "throw") throw new Error("on purpose");
            if (input.then === "hang") await new Promise(() => {});
            if (input.then === "spin") for (;;);
            return input.then;
          })
          .catch((error) => (error.message === "on purpose" ? "thrown" : told(error)));
        return { answers, end };
      },
    }),
    createTool({
      name: "leave",
      execute: async (input: { database: string; steps: Step[] }) => {
        // Answers while the transaction goes on.
        await new Promise<void>((resolve) => {
          void database(input.database).transaction(async (transaction) => {
            for (const step of input.steps) await take(transaction, step);
            resolve();
            await new Promise(() => {});
          });
        });
        return "left";
      },
    }),
    createTool({
      name: "crowd",
      execute: async (input: { database: string; size: number; step: Step }) => {
        const outcomes = Array.from({ length: input.size }, () =>
          database(input.database)
            .transaction((transaction) => take(transaction, input.step))
            .catch(told),
        );
        return Promise.all(outcomes);
      },
    }),
  ],
};
