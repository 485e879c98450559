/**
 * A plugin's top level runs once, when it is built; its tools run later, on
 * instances that start from what the top level left behind. What the top level
 * may not ask for is refused here, with the reason.
 */
let running = false;

/** Called when the host first calls an export of this instance. */
export function start(): void {
  running = true;
}

/** Throws while the plugin's top level runs. */
export function assertRunning(what: string): void {
  if (!running) {
    throw new Error(
      `${what}() is not available at a module's top level, which runs when the plugin is built: ` +
        "use it inside a tool's or workflow's execute()",
    );
  }
}
