/**
 * The globals that plugins have, for the compiler. Where a project has them from
 * elsewhere already, like from TypeScript's own `lib.dom`, they stay as they are.
 */
type DistriAbsent<T> = typeof globalThis extends { onmessage: any } ? {} : T;

interface Event extends DistriAbsent<import("./web.js").Event> {}
declare var Event: typeof globalThis extends { onmessage: any; Event: infer T } ? T : typeof import("./web.js").Event;

interface CustomEvent<T = any> extends DistriAbsent<import("./web.js").CustomEvent<T>> {}
declare var CustomEvent: typeof globalThis extends { onmessage: any; CustomEvent: infer T }
  ? T
  : typeof import("./web.js").CustomEvent;

interface EventTarget extends DistriAbsent<import("./web.js").EventTarget> {}
declare var EventTarget: typeof globalThis extends { onmessage: any; EventTarget: infer T }
  ? T
  : typeof import("./web.js").EventTarget;

interface AbortSignal extends DistriAbsent<import("./web.js").AbortSignal> {}
declare var AbortSignal: typeof globalThis extends { onmessage: any; AbortSignal: infer T }
  ? T
  : import("./web.js").AbortSignalConstructor;

interface AbortController extends DistriAbsent<import("./web.js").AbortController> {}
declare var AbortController: typeof globalThis extends { onmessage: any; AbortController: infer T }
  ? T
  : typeof import("./web.js").AbortController;

interface DOMException extends DistriAbsent<import("./web.js").DOMException> {}
declare var DOMException: typeof globalThis extends { onmessage: any; DOMException: infer T }
  ? T
  : typeof import("./web.js").DOMException;

interface Console extends DistriAbsent<import("./web.js").Console> {}
declare var console: Console;

interface Performance extends DistriAbsent<import("./web.js").Performance> {}
declare var performance: typeof globalThis extends { onmessage: any; performance: infer T }
  ? T
  : import("./web.js").Performance;

interface URL extends DistriAbsent<import("./web.js").URL> {}
declare var URL: typeof globalThis extends { onmessage: any; URL: infer T } ? T : typeof import("./web.js").URL;

interface URLSearchParams extends DistriAbsent<import("./web.js").URLSearchParams> {}
declare var URLSearchParams: typeof globalThis extends { onmessage: any; URLSearchParams: infer T }
  ? T
  : typeof import("./web.js").URLSearchParams;

interface TextEncoder extends DistriAbsent<import("./web.js").TextEncoder> {}
declare var TextEncoder: typeof globalThis extends { onmessage: any; TextEncoder: infer T }
  ? T
  : typeof import("./web.js").TextEncoder;

interface TextDecoder extends DistriAbsent<import("./web.js").TextDecoder> {}
declare var TextDecoder: typeof globalThis extends { onmessage: any; TextDecoder: infer T }
  ? T
  : typeof import("./web.js").TextDecoder;

interface TextDecoderStream extends DistriAbsent<import("./web.js").TextDecoderStream> {}
declare var TextDecoderStream: typeof globalThis extends { onmessage: any; TextDecoderStream: infer T }
  ? T
  : typeof import("./web.js").TextDecoderStream;

interface TextEncoderStream extends DistriAbsent<import("./web.js").TextEncoderStream> {}
declare var TextEncoderStream: typeof globalThis extends { onmessage: any; TextEncoderStream: infer T }
  ? T
  : typeof import("./web.js").TextEncoderStream;

interface Headers extends DistriAbsent<import("./web.js").Headers> {}
declare var Headers: typeof globalThis extends { onmessage: any; Headers: infer T }
  ? T
  : typeof import("./web.js").Headers;

interface RequestInit extends DistriAbsent<import("./web.js").RequestInit> {}
interface Request extends DistriAbsent<import("./web.js").Request> {}
declare var Request: typeof globalThis extends { onmessage: any; Request: infer T }
  ? T
  : import("./web.js").RequestConstructor;

interface ResponseInit extends DistriAbsent<import("./web.js").ResponseInit> {}
interface Response extends DistriAbsent<import("./web.js").Response> {}
declare var Response: typeof globalThis extends { onmessage: any; Response: infer T }
  ? T
  : import("./web.js").ResponseConstructor;

declare function fetch(input: string | URL | Request, init?: RequestInit | null): Promise<Response>;

interface ReadableStream<R = any> extends DistriAbsent<import("web-streams-polyfill").ReadableStream<R>> {}
declare var ReadableStream: typeof globalThis extends { onmessage: any; ReadableStream: infer T }
  ? T
  : typeof import("web-streams-polyfill").ReadableStream;

interface WritableStream<W = any> extends DistriAbsent<import("web-streams-polyfill").WritableStream<W>> {}
declare var WritableStream: typeof globalThis extends { onmessage: any; WritableStream: infer T }
  ? T
  : typeof import("web-streams-polyfill").WritableStream;

interface TransformStream<I = any, O = any> extends DistriAbsent<import("web-streams-polyfill").TransformStream<I, O>> {}
declare var TransformStream: typeof globalThis extends { onmessage: any; TransformStream: infer T }
  ? T
  : typeof import("web-streams-polyfill").TransformStream;

declare function setTimeout(callback: (...args: any[]) => void, delay?: number, ...args: any[]): number;
declare function setInterval(callback: (...args: any[]) => void, delay?: number, ...args: any[]): number;
declare function setImmediate(callback: (...args: any[]) => void, ...args: any[]): number;
declare function clearTimeout(id: number | undefined): void;
declare function clearInterval(id: number | undefined): void;
declare function clearImmediate(id: number | undefined): void;
declare function queueMicrotask(callback: () => void): void;
declare function atob(data: string): string;
declare function btoa(data: string): string;

declare var process: import("./web.js").Process;
