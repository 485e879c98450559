/**
 * Timers. All of them wait on one sleeping call of the host's, which is given up
 * when nothing needs it any more: what is pending when a tool has answered keeps
 * its instance from serving the next call.
 */
import clock from "wasi:clocks/monotonic-clock@0.3.0";
import { attempt } from "../console.ts";
import { assertRunning, atEnd } from "../phase.ts";
import { sleep, type Wait } from "../waiting.ts";
import { define } from "./define.ts";
import { turn } from "./turn.ts";

interface Timer {
  id: number;
  callback: (...args: any[]) => unknown;
  args: unknown[];
  /** On the monotonic clock, in nanoseconds. */
  when: number;
  /** In nanoseconds, for an interval. */
  period: number | undefined;
  /** Whether it ends with the call. */
  weak: boolean;
}

/** The longest delay, in milliseconds: what a signed number of 32 bits holds. */
const LONGEST = 0x7fffffff;

const timers = new Map<number, Timer>();
/** The same by when they are due; of several, the one that was set first. */
const queue: Timer[] = [];
let lastId = 0;

let alarm: (Wait<void> & { when: number }) | undefined;
let arming = false;
let firing = false;

export function setTimeout(callback: (...args: any[]) => unknown, delay?: number, ...args: unknown[]): number {
  return add("setTimeout", callback, delay, args);
}

export function setInterval(callback: (...args: any[]) => unknown, delay?: number, ...args: unknown[]): number {
  return add("setInterval", callback, delay, args, { repeats: true });
}

/** A timeout that is dropped when the call has its answer. */
export function setWeakTimeout(callback: () => unknown, delay: number): number {
  return add("setTimeout", callback, delay, [], { weak: true });
}

export function clearTimeout(id: number | undefined): void {
  const timer = id === undefined ? undefined : timers.get(Number(id));
  if (timer) drop(timer);
}

function add(
  name: string,
  callback: unknown,
  delay: unknown,
  args: unknown[],
  { repeats = false, weak = false }: { repeats?: boolean; weak?: boolean } = {},
): number {
  if (typeof callback !== "function") throw new TypeError(`${name}: the callback is not a function`);
  assertRunning(name);
  // As everywhere, less than a millisecond is one, and what is not a number too.
  const milliseconds = Math.min(Math.max(Math.trunc(Number(delay)) || 1, 1), LONGEST);
  const period = milliseconds * 1e6;
  const when = clock.now() + period;
  const timer = { id: ++lastId, callback: callback as Timer["callback"], args, when, period: repeats ? period : undefined, weak };
  timers.set(timer.id, timer);
  enqueue(timer);
  arm();
  return timer.id;
}

function enqueue(timer: Timer): void {
  let [low, high] = [0, queue.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((queue[middle] as Timer).when <= timer.when) low = middle + 1;
    else high = middle;
  }
  queue.splice(low, 0, timer);
}

function drop(timer: Timer): void {
  timers.delete(timer.id);
  queue.splice(queue.indexOf(timer), 1);
  arm();
}

/** Makes sure that something wakes by then: once, whatever a program sets and clears at a time. */
function arm(): void {
  if (arming || firing) return;
  arming = true;
  queueMicrotask(() => {
    arming = false;
    if (firing) return;
    const when = queue[0]?.when;
    if (alarm && when !== undefined && alarm.when <= when) return;
    alarm?.giveUp();
    alarm = when === undefined ? undefined : wakeAt(when);
  });
}

function wakeAt(when: number): typeof alarm {
  const mine = { ...sleep(Math.max(when - clock.now(), 0)), when };
  void mine.result.then(() => {
    // One that was given up is not the last one any more.
    if (alarm !== mine) return;
    alarm = undefined;
    void fire();
  });
  return mine;
}

/** Runs every timer whose time has come, each in a turn of its own, in the order of their times. */
async function fire(): Promise<void> {
  firing = true;
  for (let timer = queue[0]; timer && timer.when <= clock.now(); timer = queue[0]) {
    if (timer.period === undefined) {
      drop(timer);
    } else {
      queue.shift();
      timer.when = clock.now() + timer.period;
      enqueue(timer);
    }
    attempt(() => timer.callback(...timer.args));
    await turn();
  }
  firing = false;
  arm();
}

atEnd(() => {
  for (const timer of timers.values()) if (timer.weak) drop(timer);
});

const immediates = new Map<number, () => void>();

export function setImmediate(callback: (...args: any[]) => unknown, ...args: unknown[]): number {
  if (typeof callback !== "function") throw new TypeError("setImmediate: the callback is not a function");
  assertRunning("setImmediate");
  const id = ++lastId;
  immediates.set(id, () => attempt(() => callback(...args)));
  void turn().then(() => {
    immediates.get(id)?.();
    immediates.delete(id);
  });
  return id;
}

export function clearImmediate(id: number | undefined): void {
  if (id !== undefined) immediates.delete(Number(id));
}

define({ setTimeout, setInterval, clearTimeout, clearInterval: clearTimeout, setImmediate, clearImmediate });
