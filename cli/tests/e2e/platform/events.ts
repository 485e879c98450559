import { fixture, is, throws } from "./check.ts";

function events() {
  const target = new EventTarget();
  const log: unknown[] = [];
  const twice = (event: Event) => log.push(["function", event.type, event.target === target, event.eventPhase]);
  target.addEventListener("x", twice);
  target.addEventListener("x", twice);
  target.addEventListener("x", { handleEvent: (event: Event) => log.push(["object", event.currentTarget === target]) });
  target.addEventListener("x", () => log.push("once"), { once: true });
  target.addEventListener("x", null);
  const event = new Event("x");
  is("dispatched", target.dispatchEvent(event), true);
  is("listeners", log.splice(0), [["function", "x", true, 2], ["object", true], "once"]);
  is("afterwards", [event.eventPhase, event.currentTarget, event.target === target, event.isTrusted], [0, null, true, false]);
  target.dispatchEvent(new Event("x"));
  is("not once more", log.splice(0).length, 2);
  target.removeEventListener("x", twice, true);
  target.removeEventListener("x", twice);
  target.dispatchEvent(new Event("x"));
  is("removed", log.splice(0), [["object", true]]);

  const other = new EventTarget();
  other.addEventListener("x", (event) => {
    other.addEventListener("x", () => log.push("added"));
    other.removeEventListener("x", removed);
    event.preventDefault();
  });
  const removed = () => log.push("removed");
  other.addEventListener("x", removed);
  other.addEventListener("x", (event) => {
    event.stopImmediatePropagation();
    throws("within itself", "InvalidStateError", () => other.dispatchEvent(event));
  });
  other.addEventListener("x", () => log.push("stopped"));
  const cancelable = new Event("x", { cancelable: true });
  is("prevented", [other.dispatchEvent(cancelable), cancelable.defaultPrevented], [false, true]);
  is("as they were", log.splice(0), []);
  is("not cancelable", other.dispatchEvent(new Event("x")), true);
  log.length = 0;

  const passive = new EventTarget();
  passive.addEventListener("x", (event) => event.preventDefault(), { passive: true });
  is("passive", passive.dispatchEvent(new Event("x", { cancelable: true })), true);

  const signalled = new EventTarget();
  const controller = new AbortController();
  signalled.addEventListener("x", () => log.push("heard"), { signal: controller.signal });
  signalled.dispatchEvent(new Event("x"));
  controller.abort();
  signalled.dispatchEvent(new Event("x"));
  signalled.addEventListener("x", () => log.push("never"), { signal: AbortSignal.abort() });
  signalled.dispatchEvent(new Event("x"));
  is("until a signal", log.splice(0), ["heard"]);

  class Mine extends EventTarget {}
  const mine = new Mine();
  mine.addEventListener("x", (event) => log.push((event as CustomEvent).detail));
  mine.dispatchEvent(new CustomEvent("x", { detail: { a: 1 } }));
  is("detail", log.splice(0), [{ a: 1 }]);
  is("no detail", new CustomEvent("x").detail, null);
  throws("no type", "TypeError", () => new (Event as any)());
  throws("no event", "TypeError", () => mine.dispatchEvent({} as Event));
  is("names", [String(new Event("x")), String(new CustomEvent("x"))], ["[object Event]", "[object CustomEvent]"]);
}

function aborts() {
  const log: unknown[] = [];
  const controller = new AbortController();
  const { signal } = controller;
  signal.onabort = (event) => log.push(["handler", event.type]);
  signal.addEventListener("abort", (event) => log.push(["listener", event.target === signal]));
  is("not yet", [signal.aborted, signal.reason], [false, undefined]);
  signal.throwIfAborted();
  controller.abort();
  controller.abort("again");
  is("once", log.splice(0), [["handler", "abort"], ["listener", true]]);
  is("aborted", [signal.aborted, signal.reason.name, signal.reason.code], [true, "AbortError", 20]);
  throws("thrown", "AbortError", () => signal.throwIfAborted());
  is("a reason", AbortSignal.abort("why").reason, "why");
  throws("not made", "TypeError", () => new AbortSignal());
  const handled = new AbortController();
  handled.signal.onabort = () => log.push("replaced");
  handled.signal.onabort = () => log.push("handler");
  handled.abort();
  is("one handler", log.splice(0), ["handler"]);

  const [first, second] = [new AbortController(), new AbortController()];
  const any = AbortSignal.any([first.signal, second.signal]);
  const both = AbortSignal.any([any, new AbortController().signal]);
  both.addEventListener("abort", () => log.push("any"));
  second.abort("second");
  first.abort("first");
  is("any", [any.reason, both.reason, log], ["second", "second", ["any"]]);
  is("aborted before", AbortSignal.any([new AbortController().signal, first.signal]).reason, "first");
  is("none", AbortSignal.any([]).aborted, false);
  is("its name", [String(signal), String(controller)], ["[object AbortSignal]", "[object AbortController]"]);
}

export default fixture(() => {
  events();
  aborts();
});
