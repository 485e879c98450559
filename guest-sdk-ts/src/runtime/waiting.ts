/**
 * Waiting that can be given up. The engine cannot take back a call of its own, and
 * one that is pending keeps an instance from serving the next call.
 */
import waiting from "distri:plugin/waiting@0.3.0";
import type { Request, Response } from "wasi:http/types@0.3.0";

/** The host takes 32 bits; this many waits no instance lives to see. */
let lastId = 0;

/** Something that is waited for. */
export interface Wait<T> {
  result: Promise<T>;
  /** Ends it at once, if it has not ended. */
  giveUp(): void;
}

function wait<T>(begin: (id: number) => Promise<T>): Wait<T> {
  const id = ++lastId;
  return { result: begin(id), giveUp: () => waiting.giveUp(id) };
}

/** Waits for so many nanoseconds. */
export const sleep = (duration: number): Wait<void> => wait((id) => waiting.sleep(id, duration));

/** Sends a request and waits for the beginning of its answer. */
export const send = (request: Request): Wait<Response> => wait((id) => waiting.send(id, request));
