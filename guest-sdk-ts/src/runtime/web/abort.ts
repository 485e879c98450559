/** `AbortController` and `AbortSignal` by the DOM standard. */
import type * as web from "../../platform/web.js";
import { define } from "./define.ts";
import { Event, EventTarget } from "./events.ts";
import { setWeakTimeout } from "./timers.ts";

/** Who may make signals. */
const KEY = Symbol();

/** What only a controller may do. */
let abort: (signal: AbortSignal, reason: unknown) => void;

export class AbortSignal extends EventTarget implements web.AbortSignal {
  #reason: unknown = undefined;
  #aborted = false;
  #handler: ((this: web.AbortSignal, event: web.Event) => unknown) | null = null;

  constructor(key?: unknown) {
    if (key !== KEY) throw new TypeError("Illegal constructor");
    super();
  }

  get aborted(): boolean {
    return this.#aborted;
  }
  get reason(): any {
    return this.#reason;
  }
  throwIfAborted(): void {
    if (this.#aborted) throw this.#reason;
  }
  get onabort(): ((this: web.AbortSignal, event: web.Event) => unknown) | null {
    return this.#handler;
  }
  set onabort(handler) {
    if (!this.#handler && handler) this.addEventListener("abort", this.#handle);
    if (!handler) this.removeEventListener("abort", this.#handle);
    this.#handler = typeof handler === "function" ? handler : null;
  }
  #handle = (event: web.Event) => this.#handler?.(event);

  static abort(reason?: unknown): AbortSignal {
    const signal = new AbortSignal(KEY);
    signal.#aborted = true;
    signal.#reason = orAbortError(reason);
    return signal;
  }

  static timeout(milliseconds: number): AbortSignal {
    if (!(milliseconds >= 0 && milliseconds <= Number.MAX_SAFE_INTEGER)) {
      throw new TypeError("AbortSignal.timeout: not a number of milliseconds");
    }
    const signal = new AbortSignal(KEY);
    const error = () => new DOMException("The operation was aborted due to timeout", "TimeoutError");
    // When the call has its answer, nobody listens any more.
    setWeakTimeout(() => AbortSignal.#abort(signal, error()), milliseconds);
    return signal;
  }

  static any(signals: Iterable<web.AbortSignal>): AbortSignal {
    const sources = [...signals];
    const aborted = sources.find((source) => source.aborted);
    if (aborted) return AbortSignal.abort(aborted.reason);
    const signal = new AbortSignal(KEY);
    // What was heard from one source is no news from another.
    const heard = (event: web.Event) => {
      for (const source of sources) source.removeEventListener("abort", heard);
      AbortSignal.#abort(signal, (event.target as unknown as web.AbortSignal).reason);
    };
    for (const source of sources) source.addEventListener("abort", heard);
    return signal;
  }

  static #abort(signal: AbortSignal, reason: unknown): void {
    if (signal.#aborted) return;
    signal.#aborted = true;
    signal.#reason = reason;
    signal.dispatchEvent(new Event("abort"));
  }

  static {
    abort = (signal, reason) => AbortSignal.#abort(signal, orAbortError(reason));
  }
}

function orAbortError(reason: unknown): unknown {
  return reason === undefined ? new DOMException("This operation was aborted", "AbortError") : reason;
}

export class AbortController implements web.AbortController {
  readonly signal = new AbortSignal(KEY);
  abort(reason?: unknown): void {
    abort(this.signal, reason);
  }
}

define({ AbortSignal, AbortController });
