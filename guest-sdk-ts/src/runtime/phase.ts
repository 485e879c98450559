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
  if (phase !== "call") throw refusal(`${what}()`);
}

function refusal(what: string): Error {
  const when =
    phase === "top level"
      ? "at a module's top level, which runs when the plugin is built"
      : "while the plugin says what it offers";
  return new Error(`${what} is not available ${when}: use it inside a tool's or workflow's execute()`);
}

/** Whose a module is: the SDK's, an installed package's, the author's. */
type Owner = 0 | 1 | 2;
const SDK = 0;
const PACKAGE = 1;
const AUTHOR = 2;

/** What the builder says of the script: from which line and column on it is whose, and how strict to be. */
interface Script {
  owners: [line: number, column: number, owner: Owner][];
  lenient: boolean;
}

/** Left behind by the first line of the script. */
const key = "distri:script";
const script: Script | undefined = (globalThis as { [key]?: Script })[key];
delete (globalThis as { [key]?: Script })[key];

/** Whose the nearest frame outside the SDK is; none where all of a stack is the SDK's. */
function ownerOf(stack: string | undefined): Owner | undefined {
  for (const [, line, column] of String(stack).matchAll(/:(\d+):(\d+)\)?$/gm)) {
    const found = script?.owners.findLast(([l, c]) => l < Number(line) || (l === Number(line) && c <= Number(column)));
    if (found && found[2] !== SDK) return found[2];
  }
  return undefined;
}

/** Whose code asks. */
const asker = (): Owner => ownerOf(new Error().stack) ?? AUTHOR;

/** Where the plugin stands when it asks for something whose answer comes later. */
export const standing = (): string | undefined => new Error().stack;

/** An error that came with an answer, at the place where the plugin asked: by itself it knows the SDK's alone. */
export function askedAt<E>(error: E, stack: string | undefined): E {
  if (script && error instanceof Error && ownerOf(error.stack) === undefined) error.stack = stack;
  return error;
}

/**
 * Throws where the plugin's top level asks for the time or for chance. An installed package that does so is told to
 * the author by the builder, which then builds again and lets it have those of the build.
 */
export function assertTimely(what: string): void {
  if (phase === "call" || (script?.lenient && asker() === PACKAGE)) return;
  throw refusal(/^[a-z]+[.]timeOrigin$/.test(what) ? what : `${what}()`);
}

/** Throws where the author's top level reads the environment; packages that look for options see that there are none. */
export function assertOwnEnvironment(name: string): void {
  if (phase !== "call" && asker() === AUTHOR) throw refusal(name);
}
