/**
 * `Event`, `CustomEvent` and `EventTarget` by the DOM standard. There is no tree
 * here: an event goes to one target, and nothing captures or bubbles.
 */
import type * as web from "../../platform/web.js";
import { attempt } from "../console.ts";
import { define } from "./define.ts";

// What only this module may do with an event.
let begin: (event: Event, target: EventTarget) => void;
/** Runs one listener, and tells whether others may run. */
let deliver: (event: Event, listener: Listener) => boolean;
let finish: (event: Event) => void;

export class Event implements web.Event {
  static readonly NONE = 0;
  static readonly CAPTURING_PHASE = 1;
  static readonly AT_TARGET = 2;
  static readonly BUBBLING_PHASE = 3;
  readonly type: string;
  readonly bubbles: boolean;
  readonly cancelable: boolean;
  readonly composed: boolean;
  readonly timeStamp = performance.now();
  readonly isTrusted = false;
  /** Whether the listener that runs now may not prevent the default. */
  #passive = false;
  #prevented = false;
  #target: EventTarget | null = null;
  #dispatching = false;
  #stopped = false;

  static {
    begin = (event, target) => {
      if (!(#target in event)) throw new TypeError("dispatchEvent: not an Event");
      if (event.#dispatching) throw new DOMException("the event is being dispatched already", "InvalidStateError");
      event.#target = target;
      event.#dispatching = true;
      event.#stopped = false;
    };
    deliver = (event, { callback, passive }) => {
      event.#passive = passive;
      // A listener's fault is its own: the others still hear of the event.
      attempt(() => {
        if (typeof callback === "function") return callback.call(event.#target as EventTarget, event);
        return callback.handleEvent(event);
      });
      event.#passive = false;
      return !event.#stopped;
    };
    finish = (event) => {
      event.#dispatching = false;
    };
  }

  constructor(type: string, init: web.EventInit = {}) {
    if (arguments.length === 0) throw new TypeError("Event: 1 argument required");
    this.type = String(type);
    this.bubbles = Boolean(init.bubbles);
    this.cancelable = Boolean(init.cancelable);
    this.composed = Boolean(init.composed);
  }

  get target(): EventTarget | null {
    return this.#target;
  }
  get currentTarget(): EventTarget | null {
    return this.#dispatching ? this.#target : null;
  }
  get srcElement(): EventTarget | null {
    return this.#target;
  }
  get eventPhase(): number {
    return this.#dispatching ? Event.AT_TARGET : Event.NONE;
  }
  get defaultPrevented(): boolean {
    return this.#prevented;
  }
  get returnValue(): boolean {
    return !this.#prevented;
  }
  composedPath(): EventTarget[] {
    return this.#dispatching && this.#target ? [this.#target] : [];
  }
  stopPropagation(): void {}
  stopImmediatePropagation(): void {
    this.#stopped = true;
  }
  preventDefault(): void {
    if (this.cancelable && !this.#passive) this.#prevented = true;
  }
}

export class CustomEvent<T = any> extends Event implements web.CustomEvent<T> {
  readonly detail: T;
  constructor(type: string, init: web.CustomEventInit<T> = {}) {
    super(type, init);
    this.detail = init.detail ?? (null as T);
  }
}

interface Listener {
  callback: web.EventListener | web.EventListenerObject;
  capture: boolean;
  once: boolean;
  passive: boolean;
  removed: boolean;
}

export class EventTarget implements web.EventTarget {
  #listeners = new Map<string, Listener[]>();

  addEventListener(
    type: string,
    callback: web.EventListener | web.EventListenerObject | null,
    options?: boolean | web.AddEventListenerOptions,
  ): void {
    const { capture, once, passive, signal } = flags(options);
    if (signal?.aborted || callback === null || callback === undefined) return;
    const listeners = this.#listeners.get(type) ?? [];
    if (listeners.some((known) => known.callback === callback && known.capture === capture)) return;
    this.#listeners.set(type, [...listeners, { callback, capture, once, passive, removed: false }]);
    signal?.addEventListener("abort", () => this.removeEventListener(type, callback, capture));
  }

  removeEventListener(
    type: string,
    callback: web.EventListener | web.EventListenerObject | null,
    options?: boolean | web.EventListenerOptions,
  ): void {
    const { capture } = flags(options);
    const listeners = this.#listeners.get(type) ?? [];
    const found = listeners.find((known) => known.callback === callback && known.capture === capture);
    if (!found) return;
    found.removed = true;
    this.#listeners.set(type, listeners.filter((listener) => listener !== found));
  }

  dispatchEvent(event: web.Event): boolean {
    begin(event as Event, this);
    for (const listener of this.#listeners.get(event.type) ?? []) {
      if (listener.removed) continue;
      if (listener.once) this.removeEventListener(event.type, listener.callback, listener.capture);
      if (!deliver(event as Event, listener)) break;
    }
    finish(event as Event);
    return !event.defaultPrevented;
  }
}

function flags(options: boolean | web.AddEventListenerOptions | undefined) {
  const { capture, once, passive, signal } = typeof options === "object" && options ? options : { capture: options };
  return { capture: Boolean(capture), once: Boolean(once), passive: Boolean(passive), signal };
}

define({ Event, CustomEvent, EventTarget });
