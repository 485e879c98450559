/** Collects what is not as the standards have it. Fixtures also run in Node, whose platform is the measure. */
import { createTool } from "distri/base";

let checks = 0;
const wrong: string[] = [];

const text = (value: unknown) => (value instanceof Error ? String(value) : (JSON.stringify(value) ?? String(value)));

/** What it is must be what it should be, as JSON. */
export function is(what: string, actual: unknown, expected: unknown): void {
  checks += 1;
  if (text(actual) !== text(expected)) wrong.push(`${what}: ${text(actual)}, not ${text(expected)}`);
}

/** It must throw an error with this name, or of a DOM exception's. */
export function throws(what: string, name: string, act: () => unknown): void {
  try {
    is(what, act(), `a ${name}`);
  } catch (error) {
    is(what, (error as Error).name, name);
  }
}

/** The same for a promise. */
export async function rejects(what: string, name: string, act: () => Promise<unknown>): Promise<void> {
  try {
    is(what, await act(), `a ${name}`);
  } catch (error) {
    is(what, (error as Error).name, name);
  }
}

/** A plugin that checks, and tells how much and what was wrong. */
export function fixture(run: () => Promise<void> | void) {
  const tool = createTool({
    name: "run",
    description: "Runs the checks",
    execute: async () => {
      await run();
      return { checks, wrong };
    },
  });
  return { tools: [tool] };
}
