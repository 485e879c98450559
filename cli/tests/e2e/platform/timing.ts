import { fixture, is, rejects, throws } from "./check.ts";

const after = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

async function order() {
  const log: string[] = [];
  setTimeout(() => log.push("c"), 20);
  setTimeout((...args: string[]) => log.push(...args), 5, "a", "a2");
  setTimeout(() => {
    log.push("b");
    void Promise.resolve()
      .then(() => log.push("b microtask"))
      .then(() => log.push("b microtask 2"));
  }, 10);
  setTimeout(() => log.push("b, set later"), 10);
  clearTimeout(setTimeout(() => log.push("cleared"), 7));
  setTimeout(() => clearTimeout(last), 12);
  const last = setTimeout(() => log.push("cleared by another"), 15);
  setImmediate(() => log.push("immediate"));
  clearImmediate(setImmediate(() => log.push("cleared")));
  queueMicrotask(() => log.push("microtask"));
  await Promise.resolve();
  log.push("here");
  await after(40);
  is("order", log, ["microtask", "here", "immediate", "a", "a2", "b", "b microtask", "b microtask 2", "b, set later", "c"]);
}

async function intervals() {
  let count = 0;
  await new Promise<void>((resolve) => {
    const id = setInterval(
      (step: number) => {
        count += step;
        if (count < 6) return;
        clearInterval(id);
        resolve();
      },
      3,
      2,
    );
  });
  await after(15);
  is("interval", count, 6);
  clearTimeout(undefined);
  clearTimeout(12345);
  throws("no callback", "TypeError", () => setTimeout("code" as any, 1));
}

async function waiting() {
  const start = performance.now();
  await Promise.all(Array.from({ length: 20 }, () => after(100)));
  const elapsed = performance.now() - start;
  is("at once", elapsed >= 99 && elapsed < 1900, true);
  // Delays that are not numbers are short ones.
  await Promise.all([after(NaN), after(-5), after(undefined as any), after("1" as any)]);
  // A fault in one does not keep the next from being called.
  const log: string[] = [];
  setTimeout(() => {
    log.push("throws");
    throw new Error("nobody caught this");
  }, 1);
  setTimeout(() => log.push("goes on"), 2);
  await after(15);
  is("a fault", log, ["throws", "goes on"]);
}

async function signals() {
  const signal = AbortSignal.timeout(10);
  is("not yet", signal.aborted, false);
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
  is("timeout", [signal.aborted, signal.reason.name, signal.reason instanceof DOMException], [true, "TimeoutError", true]);
  await rejects("late", "TimeoutError", async () => signal.throwIfAborted());
  throws("no time", "TypeError", () => AbortSignal.timeout(-1));
  const any = AbortSignal.any([AbortSignal.timeout(5), AbortSignal.timeout(1000)]);
  await after(20);
  is("any", [any.aborted, any.reason.name], [true, "TimeoutError"]);
  // What is still pending at the end keeps nothing up.
  setTimeout(() => {}, 3_600_000);
  setInterval(() => {}, 3_600_000);
  AbortSignal.timeout(3_600_000);
}

export default fixture(async () => {
  await order();
  await intervals();
  await signals();
  await waiting();
});
