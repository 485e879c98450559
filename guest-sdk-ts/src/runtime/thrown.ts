/**
 * Where a value was thrown that is no error, and so has no stack: the builder passes
 * what the author's modules throw through here.
 */
let last: { value: unknown; stack: string | undefined } | undefined;

Object.defineProperty(globalThis, "$distriThrown", {
  value: <T>(value: T): T => {
    if (!(value instanceof Error)) last = { value, stack: new Error().stack };
    return value;
  },
});

/** The stack of what was thrown last, if this is it. */
export const stackOf = (thrown: unknown): string | undefined => (last?.value === thrown ? last?.stack : undefined);
