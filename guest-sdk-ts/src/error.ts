/** What the host reports when it could not do what was asked. */
import type { HostError } from "./runtime/host.ts";
import { askedAt, standing } from "./runtime/phase.ts";

/** Why the host could not do what was asked. */
export class CallError extends Error {
  override name = "CallError";
  constructor(
    message: string,
    /** `not-found`, `denied`, `timeout`, `guest-error`, …: see the host's documentation. */
    readonly kind: string,
    /** What to do about it. */
    readonly hint?: string,
    /** Details, parsed from JSON. */
    readonly detail?: unknown,
  ) {
    super(message);
  }
}

/** Turns what the host reports, which the engine carries as `payload`, into a {@link CallError}. */
export async function ask<T>(call: () => T | Promise<T>): Promise<T> {
  const stack = standing();
  try {
    return await call();
  } catch (error) {
    const payload = (error as { payload?: HostError } | undefined)?.payload;
    if (typeof payload?.kind !== "string") throw error;
    const { kind, message, hint, detail } = payload;
    throw askedAt(new CallError(message, kind, hint ?? undefined, detail ? JSON.parse(detail) : undefined), stack);
  }
}
