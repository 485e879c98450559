/**
 * A plugin's top level runs once, when it is built; its tools run later, on
 * instances that start from what the top level left behind. What the top level
 * may not ask for is refused here, with the reason.
 */
type Phase = "top level" | "description" | "call";

let phase: Phase = "top level";

/** Called when the host asks an export of this instance for something. */
export function enter(next: Phase): void {
  phase = next;
}

/** Whether a tool or workflow of this instance has been called. */
export function isRunning(): boolean {
  return phase === "call";
}

const endings: (() => void)[] = [];

/** Runs something whenever a call has its answer. */
export function atEnd(act: () => void): void {
  endings.push(act);
}

/** Called when a call has its answer: its timers may still run, and the instance serve another. */
export function end(): void {
  for (const act of endings) act();
}

/** Throws while the plugin's top level runs, and while it describes itself. */
export function assertRunning(what: string): void {
  if (phase === "call") return;
  const when =
    phase === "top level"
      ? "at a module's top level, which runs when the plugin is built"
      : "while the plugin says what it offers";
  throw new Error(`${what}() is not available ${when}: use it inside a tool's or workflow's execute()`);
}
