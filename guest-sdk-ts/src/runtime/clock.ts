/**
 * The clock: a plugin's top level runs when it is built, and what it reads there of
 * the time would be true for ever. `Date` and `performance` say so while it runs; the
 * dates that it makes of something are dates as everywhere.
 */
import { assertTimely } from "./phase.ts";

const Native = Date;
const { now } = Native;

const Clock = {
  Date: function (this: unknown, ...parts: unknown[]): unknown {
    if (!new.target) {
      assertTimely("Date");
      return Native();
    }
    if (parts.length === 0) assertTimely("new Date");
    return Reflect.construct(Native, parts, new.target);
  },
}.Date;

for (const key of Reflect.ownKeys(Native)) {
  Object.defineProperty(Clock, key, Object.getOwnPropertyDescriptor(Native, key)!);
}
const own = (target: object, name: string, value: unknown) =>
  Object.defineProperty(target, name, { value, writable: true, enumerable: false, configurable: true });
own(Clock, "now", {
  now: () => {
    assertTimely("Date.now");
    return now();
  },
}.now);
own(Native.prototype, "constructor", Clock);
own(globalThis, "Date", Clock);

const measured = performance;
let origin: number | undefined;
own(
  globalThis,
  "performance",
  Object.create(measured, {
    now: {
      value: function now(): number {
        assertTimely("performance.now");
        return measured.now();
      },
      writable: true,
      enumerable: true,
      configurable: true,
    },
    timeOrigin: {
      get(): number {
        assertTimely("performance.timeOrigin");
        return (origin ??= now() - measured.now());
      },
      enumerable: true,
      configurable: true,
    },
  }),
);
