/**
 * Timers. All of them wait on one sleeping call of the host's at a time: a call
 * cannot be taken back, so that each timer that was cleared would leave one
 * behind. What is still pending when a tool answers ends with its instance.
 */
import clock from "wasi:clocks/monotonic-clock@0.3.0";
import { report } from "../console.ts";
import { assertRunning } from "../phase.ts";
import { define } from "./define.ts";
import { turn } from "./turn.ts";

interface Timer {
  callback: (...args: any[]) => void;
  args: unknown[];
  /** On the monotonic clock, in nanoseconds. */
  when: number;
  /** In nanoseconds, for an interval. */
  period: number | undefined;
}

/** The longest delay, in milliseconds: what a signed number of 32 bits holds. */
const LONGEST = 0x7fffffff;

const timers = new Map<number, Timer>();
let lastId = 0;

/** When the sleeping calls under way end; each one earlier than the one before it. */
const alarms: number[] = [];
let firing = false;

export function setTimeout(callback: (...args: any[]) => void, delay?: number, ...args: unknown[]): number {
  return add("setTimeout", callback, delay, args, false);
}

export function setInterval(callback: (...args: any[]) => void, delay?: number, ...args: unknown[]): number {
  return add("setInterval", callback, delay, args, true);
}

export function clearTimeout(id: number | undefined): void {
  if (id !== undefined) timers.delete(Number(id));
}

function add(name: string, callback: unknown, delay: unknown, args: unknown[], repeats: boolean): number {
  if (typeof callback !== "function") throw new TypeError(`${name}: the callback is not a function`);
  assertRunning(name);
  // As everywhere, less than a millisecond is one, and what is not a number too.
  const milliseconds = Math.min(Math.max(Math.trunc(Number(delay)) || 1, 1), LONGEST);
  const period = milliseconds * 1e6;
  const when = clock.now() + period;
  timers.set(++lastId, { callback: callback as Timer["callback"], args, when, period: repeats ? period : undefined });
  arm(when);
  return lastId;
}

/** Makes sure that something wakes by then. */
function arm(when: number): void {
  const earliest = alarms.at(-1);
  if (earliest !== undefined && earliest <= when) return;
  alarms.push(when);
  void clock.waitUntil(when).then(() => {
    alarms.splice(alarms.indexOf(when), 1);
    void fire();
  });
}

/** Runs every timer whose time has come, each in a turn of its own, in the order of their times. */
async function fire(): Promise<void> {
  if (firing) return;
  firing = true;
  try {
    for (let next = earliest(); next; next = earliest()) {
      const [id, timer] = next;
      if (timer.when > clock.now()) {
        arm(timer.when);
        return;
      }
      if (timer.period === undefined) timers.delete(id);
      else timer.when = clock.now() + timer.period;
      try {
        timer.callback(...timer.args);
      } catch (error) {
        report(error);
      }
      await turn();
    }
  } finally {
    firing = false;
  }
}

/** The timer that is due first; of several, the one that was set first. */
function earliest(): [number, Timer] | undefined {
  let first: [number, Timer] | undefined;
  for (const entry of timers) {
    if (!first || entry[1].when < first[1].when) first = entry;
  }
  return first;
}

const immediates = new Map<number, () => void>();

export function setImmediate(callback: (...args: any[]) => void, ...args: unknown[]): number {
  if (typeof callback !== "function") throw new TypeError("setImmediate: the callback is not a function");
  assertRunning("setImmediate");
  const id = ++lastId;
  immediates.set(id, () => callback(...args));
  void turn().then(() => {
    const run = immediates.get(id);
    immediates.delete(id);
    try {
      run?.();
    } catch (error) {
      report(error);
    }
  });
  return id;
}

export function clearImmediate(id: number | undefined): void {
  if (id !== undefined) immediates.delete(Number(id));
}

define({ setTimeout, setInterval, clearTimeout, clearInterval: clearTimeout, setImmediate, clearImmediate });
