// The types of Distri's plugins, as `distri new` writes them: for editors and `tsc`.

declare module "distri/error" {
    /** Why the host could not do what was asked. */
    export class CallError extends Error {
        /** `not-found`, `denied`, `timeout`, `guest-error`, …: see the host's documentation. */
        readonly kind: string;
        /** What to do about it. */
        readonly hint?: string | undefined;
        /** Details, parsed from JSON. */
        readonly detail?: unknown | undefined;
        name: string;
        constructor(message: string, 
        /** `not-found`, `denied`, `timeout`, `guest-error`, …: see the host's documentation. */
        kind: string, 
        /** What to do about it. */
        hint?: string | undefined, 
        /** Details, parsed from JSON. */
        detail?: unknown | undefined);
    }
    /** Turns what the host reports, which the engine carries as `payload`, into a {@link CallError}. */
    export function ask<T>(call: () => T | Promise<T>): Promise<T>;
}

declare module "distri/workflow" {
    import { CallError } from "distri/error";
    export { CallError };
    /** The object form of a {@link callTool}. */
    export interface CallToolOptions {
        tool_name: string;
        input?: unknown;
        package_name?: string;
        /** The integration that the tool is of. */
        integration?: string;
        session_id?: string;
        context?: unknown;
    }
    /** The object form of a {@link callAgent}. */
    export interface CallAgentOptions {
        agent_name: string;
        task: string;
        /** What the host program takes besides the task. */
        options?: {
            [key: string]: unknown;
        };
        session_id?: string;
        context?: unknown;
    }
    /**
     * Calls a tool and gives its value. The name is `package/tool`, or, where it is
     * unambiguous, `tool`.
     *
     * @throws {CallError} of the kind `guest-error` when the tool throws.
     */
    export function callTool<Result = any>(tool: string, input?: unknown, context?: unknown): Promise<Result>;
    export function callTool<Result = any>(options: CallToolOptions): Promise<Result>;
    /** Gives a task to an agent and waits for its final text. */
    export function callAgent(agent: string, task: string, context?: unknown): Promise<string>;
    export function callAgent(options: CallAgentOptions): Promise<string>;
    /**
     * Reads a value of the call's session.
     *
     * @throws {CallError} of the kind `not-found` when it is absent.
     */
    export function getSessionValue<Value = any>(key: string | {
        key: string;
        session_id?: string;
    }): Promise<Value>;
    /** Writes a value of the call's session. */
    export function setSessionValue(key: string, value: unknown): Promise<void>;
    export function setSessionValue(options: {
        key: string;
        value: unknown;
        session_id?: string;
    }): Promise<void>;
}

declare module "distri/plugin" {
    /**
     * What a plugin's module is made of: its tools and workflows, what they are called with,
     * and what makes them.
     */
    /** Any JSON value. */
    export type Json = null | boolean | number | string | Json[] | {
        [key: string]: Json;
    };
    /** A JSON Schema. */
    export type JsonSchema = {
        [key: string]: unknown;
    };
    /**
     * A schema of any library that follows https://standardschema.dev, like Zod. To
     * describe a tool it needs that page's JSON Schema extension, which Zod has from
     * 4.2 on.
     */
    export interface StandardSchema<Output = any> {
        readonly "~standard": {
            readonly version: 1;
            readonly vendor: string;
            readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
            readonly types?: {
                readonly input: unknown;
                readonly output: Output;
            } | undefined;
            readonly jsonSchema?: {
                readonly input: (options: {
                    readonly target: "draft-2020-12";
                }) => {
                    [key: string]: unknown;
                };
                readonly output: (options: {
                    readonly target: "draft-2020-12";
                }) => {
                    [key: string]: unknown;
                };
            };
        };
    }
    /** What validating gives: a value, or what is wrong with it. */
    export type StandardResult<Output> = {
        readonly value: Output;
        readonly issues?: undefined;
    } | {
        readonly issues: readonly {
            readonly message: string;
            readonly path?: readonly (PropertyKey | {
                readonly key: PropertyKey;
            })[] | undefined;
        }[];
    };
    /** A call of a tool or workflow. */
    export interface ToolCall {
        /** Unique per call. */
        id: string;
        /** The name under which it was called. */
        name: string;
        /** The input, as JSON text. */
        input: string;
    }
    /** A call of a workflow. It has the same parts as a tool's. */
    export type WorkflowCall = ToolCall;
    /** What a call knows about itself and its caller. Each id has two spellings. */
    export interface ExecutionContext {
        callId: string;
        call_id: string;
        agentId?: string;
        agent_id?: string;
        sessionId?: string;
        session_id?: string;
        taskId?: string;
        task_id?: string;
        runId?: string;
        run_id?: string;
        userId?: string;
        user_id?: string;
        /** Milliseconds that were left for the call when it started. */
        deadlineMs?: number;
        deadline_ms?: number;
        /** The same for every attempt at the same piece of work. */
        idempotencyKey?: string;
        idempotency_key?: string;
        /** Parameters of the host program's own. */
        params: {
            [key: string]: Json;
        };
        /** The secrets that the manifest declares and the operator grants. */
        secrets: {
            [name: string]: string;
        };
        /** The environment variables that the manifest declares and the operator grants. */
        env_vars: {
            [name: string]: string;
        };
        /** Everything else, by name. */
        metadata: {
            [name: string]: string;
        };
    }
    /** A tool. A class that implements it, or a plain object. */
    export interface Tool {
        /** Letters, digits, `_` and `-`; unique in the package. */
        name: string;
        /** What it does, for people and models. */
        description: string;
        version: string;
        /** Does the work. What it returns becomes JSON; what it throws, the call's error. */
        execute(toolCall: ToolCall, context: ExecutionContext): Promise<unknown> | unknown;
        /** The JSON Schema of the input; or give `parameters`. */
        getParameters?(): object;
        /** The JSON Schema of the input. */
        parameters?: object;
        /** The JSON Schema of what it gives, which the host checks too. */
        returns?: object;
    }
    /** A workflow: like a tool, and it may call tools and agents. */
    export interface Workflow {
        name: string;
        description: string;
        version: string;
        execute(workflowCall: WorkflowCall, context: ExecutionContext): Promise<unknown> | unknown;
        getParameters?(): object;
        parameters?: object;
        returns?: object;
        /** What it is given and gives, for people and models. */
        examples?: {
            description?: string;
            input?: unknown;
            expected_output?: unknown;
        }[];
    }
    /** A tool whose `execute` gets its input parsed; made by {@link createTool}. */
    export interface ToolSpec<Params = any> {
        name: string;
        description?: string;
        version?: string;
        parameters?: object;
        /** The JSON Schema of what it gives, which the host checks too. */
        returns?: object;
        auth?: Auth;
        execute(params: Params, context: ExecutionContext): Promise<unknown> | unknown;
    }
    /** A workflow whose `execute` gets its input parsed; made by {@link createWorkflow}. */
    export interface WorkflowSpec<Params = any> extends ToolSpec<Params> {
        /** What it is given and gives, for people and models. */
        examples?: {
            description?: string;
            input?: unknown;
            expected_output?: unknown;
        }[];
    }
    /** How a service knows who calls. Recorded for whoever runs the agents; nothing here acts on it. */
    export type Auth = {
        type: "oauth2";
        provider: string;
        scopes?: string[];
        authorizationUrl?: string;
        tokenUrl?: string;
        refreshUrl?: string;
        sendRedirectUri?: boolean;
    } | {
        type: "secret";
        provider: string;
        fields?: {
            key: string;
            label?: string;
            description?: string;
            optional?: boolean;
        }[];
    }
    /** The provider of an OAuth 2 login. */
     | string;
    /**
     * A group of tools of one service; made by {@link createIntegration}. A tool of
     * it also answers to `integration.tool` and `integration_tool`.
     */
    export interface Integration {
        name: string;
        description?: string;
        version?: string;
        tools: ToolSpec[] | {
            [name: string]: ToolSpec;
        };
        /** For all its tools that have none of their own. */
        auth?: Auth;
        notifications?: unknown;
        metadata?: unknown;
        callbacks?: unknown;
    }
    /** A plugin module's default export. */
    export interface DistriPlugin {
        tools?: (Tool | ToolSpec)[] | {
            [name: string]: Tool | ToolSpec;
        };
        workflows?: (Workflow | WorkflowSpec)[] | {
            [name: string]: Workflow | WorkflowSpec;
        };
        integrations?: Integration[];
    }
    /** Marks a tool whose `execute` gets its input parsed. */
    export const PARSED: unique symbol;
    /**
     * Makes a tool whose `execute` gets its input parsed. With a Standard Schema as
     * its `parameters` the input is checked, and has the schema's type.
     */
    export function createTool<Output>(spec: Omit<ToolSpec<Output>, "parameters"> & {
        parameters: StandardSchema<Output>;
    }): ToolSpec<Output>;
    export function createTool<Params = any>(spec: ToolSpec<Params>): ToolSpec<Params>;
    /** Makes a workflow whose `execute` gets its input parsed; like {@link createTool}. */
    export function createWorkflow<Params = any>(spec: WorkflowSpec<Params>): WorkflowSpec<Params>;
    /** Groups tools; each one's `execute` gets its input parsed. */
    export function createIntegration(integration: Integration): Integration;
}

declare module "distri/original" {
    /**
     * What sources of the original project import besides: the same things by its names,
     * and its shapes for what tools give.
     */
    import type { Auth, DistriPlugin, ExecutionContext, Integration, ToolSpec, Workflow } from "distri/plugin";
    import type { CallAgentOptions, CallToolOptions } from "distri/workflow";
    export type Context = ExecutionContext;
    export type DapTool = ToolSpec;
    export type DapWorkflow = Workflow;
    export type DistriTool = ToolSpec;
    export type DistriWorkflow = Workflow;
    export type DistriIntegration = Integration;
    export type AuthRequirement = Exclude<Auth, string>;
    export type OAuth2Requirement = Extract<Auth, {
        type: "oauth2";
    }>;
    export type SecretRequirement = Extract<Auth, {
        type: "secret";
    }>;
    export type SecretFieldRequirement = NonNullable<SecretRequirement["fields"]>[number];
    export type CallAgentParams = CallAgentOptions;
    export type CallToolParams = CallToolOptions;
    export interface GetSessionValueParams {
        key: string;
        session_id?: string;
    }
    export interface SetSessionValueParams extends GetSessionValueParams {
        value: any;
    }
    export interface TextPart {
        part_type: "text";
        data: string;
    }
    export interface DataPart {
        part_type: "data";
        data: any;
    }
    export interface ImagePart {
        part_type: "image";
        data: {
            type: "bytes" | "url";
            bytes?: string;
            url?: string;
            mime_type: string;
            name?: string;
        };
    }
    export interface ArtifactPart {
        part_type: "artifact";
        data: {
            file_id: string;
            size: number;
            preview?: string;
            mime_type?: string;
            path?: string;
            content_type?: string;
        };
    }
    /** A part of what a tool gives: any JSON does as well. */
    export type Part = TextPart | DataPart | ImagePart | ArtifactPart;
    export const createTextPart: (data: string) => TextPart;
    export const createDataPart: (data: any) => DataPart;
    export const createImagePart: (data: ImagePart["data"]) => ImagePart;
    export const createArtifactPart: (data: ArtifactPart["data"]) => ArtifactPart;
    /** Registered is what a plugin's module has as its default export: this gives it back. */
    export function registerPlugin<Plugin extends DistriPlugin>(plugin: Plugin): Plugin;
}

declare module "distri/base" {
    /**
     * `distri/base`: the shapes of a plugin.
     *
     * A plugin module's default export is a {@link DistriPlugin}. There is nothing
     * to install: `distri build` has this module built in.
     */
    export { callAgent, CallError, callTool, getSessionValue, setSessionValue, type CallAgentOptions, type CallToolOptions, } from "distri/workflow";
    export * from "distri/original";
    export * from "distri/plugin";
}

declare module "distri/sql" {
    import { CallError } from "distri/error";
    export { CallError };
    /**
     * A value of a row. An integer is a `number` where that is exact, else a
     * `bigint`. Times are ISO 8601, and decimal numbers, UUIDs and JSON are text.
     */
    export type SqlValue = null | boolean | number | bigint | string | Uint8Array;
    /** A value of a parameter. A `Date` is sent as text in ISO 8601. */
    export type SqlParameter = SqlValue | Date | ArrayBuffer;
    /** What statements are run on: a database, or a transaction. */
    export interface Queries {
        /**
         * Runs a statement that gives rows.
         *
         * @throws {CallError} of the kind `invalid-input` for what the database refuses,
         * with its `sqlstate` in `detail`.
         */
        query<Row = {
            [column: string]: SqlValue;
        }>(statement: string, parameters?: readonly SqlParameter[]): Promise<Row[]>;
        /** Runs a statement and tells how many rows it changed. */
        execute(statement: string, parameters?: readonly SqlParameter[]): Promise<{
            rowsAffected: number;
        }>;
    }
    /** A database. */
    export interface Database extends Queries {
        /** The name that the operator gave it. */
        readonly name: string;
        /**
         * Runs statements that are done all together or not at all: what `work` throws
         * undoes them. After a statement that failed there is nothing to be done but
         * to let its error go on.
         */
        transaction<Result>(work: (transaction: Queries) => Promise<Result> | Result): Promise<Result>;
    }
    /** The database of this name. */
    export function database(name: string): Database;
}

declare module "https://distri.dev/base.ts" {
    export * from "distri/base";
}

declare module "distri/web" {
    /** The parts of the web platform that plugins have, by the standards' names. */
    import type { ReadableStream, WritableStream } from "distri/streams";

    export interface EventInit {
      bubbles?: boolean;
      cancelable?: boolean;
      composed?: boolean;
    }

    export interface CustomEventInit<T = any> extends EventInit {
      detail?: T;
    }

    export class Event {
      constructor(type: string, init?: EventInit);
      static readonly NONE: 0;
      static readonly CAPTURING_PHASE: 1;
      static readonly AT_TARGET: 2;
      static readonly BUBBLING_PHASE: 3;
      readonly type: string;
      readonly target: EventTarget | null;
      readonly currentTarget: EventTarget | null;
      readonly eventPhase: number;
      readonly bubbles: boolean;
      readonly cancelable: boolean;
      readonly composed: boolean;
      readonly defaultPrevented: boolean;
      readonly isTrusted: boolean;
      readonly timeStamp: number;
      composedPath(): EventTarget[];
      preventDefault(): void;
      stopImmediatePropagation(): void;
      stopPropagation(): void;
    }

    export class CustomEvent<T = any> extends Event {
      constructor(type: string, init?: CustomEventInit<T>);
      readonly detail: T;
    }

    export type EventListener = (event: any) => void;
    export interface EventListenerObject {
      handleEvent(event: any): void;
    }
    export interface EventListenerOptions {
      capture?: boolean;
    }
    export interface AddEventListenerOptions extends EventListenerOptions {
      once?: boolean;
      passive?: boolean;
      signal?: AbortSignal;
    }

    export class EventTarget {
      constructor();
      addEventListener(
        type: string,
        callback: EventListener | EventListenerObject | null,
        options?: boolean | AddEventListenerOptions,
      ): void;
      removeEventListener(
        type: string,
        callback: EventListener | EventListenerObject | null,
        options?: boolean | EventListenerOptions,
      ): void;
      dispatchEvent(event: Event): boolean;
    }

    export interface AbortSignal extends EventTarget {
      readonly aborted: boolean;
      readonly reason: any;
      onabort: ((this: AbortSignal, event: Event) => unknown) | null;
      throwIfAborted(): void;
    }
    export interface AbortSignalConstructor {
      prototype: AbortSignal;
      new (): AbortSignal;
      abort(reason?: any): AbortSignal;
      timeout(milliseconds: number): AbortSignal;
      any(signals: Iterable<AbortSignal>): AbortSignal;
    }

    export class AbortController {
      constructor();
      readonly signal: AbortSignal;
      abort(reason?: any): void;
    }

    export class DOMException extends Error {
      constructor(message?: string, name?: string);
      readonly code: number;
    }

    export interface Console {
      assert(condition?: boolean, ...data: any[]): void;
      count(label?: string): void;
      countReset(label?: string): void;
      debug(...data: any[]): void;
      dir(item?: any, options?: any): void;
      dirxml(...data: any[]): void;
      error(...data: any[]): void;
      group(...data: any[]): void;
      groupCollapsed(...data: any[]): void;
      groupEnd(): void;
      info(...data: any[]): void;
      log(...data: any[]): void;
      table(data?: any, columns?: readonly string[]): void;
      time(label?: string): void;
      timeEnd(label?: string): void;
      timeLog(label?: string, ...data: any[]): void;
      trace(...data: any[]): void;
      warn(...data: any[]): void;
    }

    export interface Performance {
      readonly timeOrigin: number;
      /** Milliseconds. */
      now(): number;
    }

    export class URL {
      constructor(url: string | URL, base?: string | URL);
      static canParse(url: string | URL, base?: string | URL): boolean;
      static parse(url: string | URL, base?: string | URL): URL | null;
      hash: string;
      host: string;
      hostname: string;
      href: string;
      readonly origin: string;
      password: string;
      pathname: string;
      port: string;
      protocol: string;
      search: string;
      readonly searchParams: URLSearchParams;
      username: string;
      toJSON(): string;
      toString(): string;
    }

    export type URLSearchParamsInit = string | Iterable<readonly [string, string]> | { [name: string]: string };

    export class URLSearchParams {
      constructor(init?: string[][] | Record<string, string> | string | URLSearchParams);
      readonly size: number;
      append(name: string, value: string): void;
      delete(name: string, value?: string): void;
      get(name: string): string | null;
      getAll(name: string): string[];
      has(name: string, value?: string): boolean;
      set(name: string, value: string): void;
      sort(): void;
      toString(): string;
      forEach(callback: (value: string, name: string, params: URLSearchParams) => void, self?: any): void;
      entries(): IterableIterator<[string, string]>;
      keys(): IterableIterator<string>;
      values(): IterableIterator<string>;
      [Symbol.iterator](): IterableIterator<[string, string]>;
    }

    /** The bytes that functions take. */
    export type BufferSource = ArrayBufferView | ArrayBuffer;

    export class TextEncoder {
      constructor();
      readonly encoding: string;
      encode(input?: string): Uint8Array<ArrayBuffer>;
      encodeInto(source: string, destination: Uint8Array): { read: number; written: number };
    }

    export interface TextDecoderOptions {
      fatal?: boolean;
      ignoreBOM?: boolean;
    }
    export interface TextDecodeOptions {
      stream?: boolean;
    }

    export class TextDecoder {
      constructor(label?: string, options?: TextDecoderOptions);
      readonly encoding: string;
      readonly fatal: boolean;
      readonly ignoreBOM: boolean;
      decode(input?: BufferSource, options?: TextDecodeOptions): string;
    }

    export class TextDecoderStream {
      constructor(label?: string, options?: TextDecoderOptions);
      readonly encoding: string;
      readonly fatal: boolean;
      readonly ignoreBOM: boolean;
      readonly readable: ReadableStream<string>;
      readonly writable: WritableStream<BufferSource>;
    }

    export class TextEncoderStream {
      constructor();
      readonly encoding: string;
      readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
      readonly writable: WritableStream<string>;
    }

    export type HeadersInit = [string, string][] | Record<string, string> | Headers;

    export class Headers {
      constructor(init?: HeadersInit);
      append(name: string, value: string): void;
      delete(name: string): void;
      get(name: string): string | null;
      getSetCookie(): string[];
      has(name: string): boolean;
      set(name: string, value: string): void;
      forEach(callback: (value: string, name: string, headers: Headers) => void, self?: any): void;
      entries(): IterableIterator<[string, string]>;
      keys(): IterableIterator<string>;
      values(): IterableIterator<string>;
      [Symbol.iterator](): IterableIterator<[string, string]>;
    }

    /** What a body can be made of. Streams and async iterables go out as they give their bytes. */
    export type BodyInit = ReadableStream | AsyncIterable<Uint8Array> | BufferSource | URLSearchParams | string;

    export interface Body {
      readonly body: ReadableStream<Uint8Array<ArrayBuffer>> | null;
      readonly bodyUsed: boolean;
      arrayBuffer(): Promise<ArrayBuffer>;
      bytes(): Promise<Uint8Array<ArrayBuffer>>;
      json(): Promise<any>;
      text(): Promise<string>;
    }

    export type RequestInfo = Request | string | URL;
    export type RequestRedirect = "follow" | "error" | "manual";
    export type ResponseType = "basic" | "default" | "error";

    export interface RequestInit {
      body?: BodyInit | null;
      cache?: string;
      credentials?: string;
      /** Needed with a body that is a stream. */
      duplex?: "half";
      headers?: HeadersInit;
      /** Not supported: nothing but an empty one is taken. */
      integrity?: string;
      keepalive?: boolean;
      method?: string;
      mode?: string;
      redirect?: RequestRedirect;
      signal?: AbortSignal | null;
    }

    export interface Request extends Body {
      readonly cache: string;
      readonly credentials: string;
      readonly destination: string;
      readonly duplex: "half";
      readonly headers: Headers;
      readonly integrity: string;
      readonly keepalive: boolean;
      readonly method: string;
      readonly mode: string;
      readonly redirect: RequestRedirect;
      readonly referrer: string;
      readonly referrerPolicy: string;
      readonly signal: AbortSignal;
      readonly url: string;
      clone(): Request;
    }
    export interface RequestConstructor {
      prototype: Request;
      new (input: RequestInfo, init?: RequestInit | null): Request;
    }

    export interface ResponseInit {
      headers?: HeadersInit;
      status?: number;
      statusText?: string;
    }

    export interface Response extends Body {
      readonly headers: Headers;
      readonly ok: boolean;
      readonly redirected: boolean;
      readonly status: number;
      readonly statusText: string;
      readonly type: ResponseType;
      readonly url: string;
      clone(): Response;
    }
    export interface ResponseConstructor {
      prototype: Response;
      new (body?: BodyInit | null, init?: ResponseInit | null): Response;
      error(): Response;
      json(data: any, init?: ResponseInit): Response;
      redirect(url: string | URL, status?: number): Response;
    }

    export interface Process {
      /** The environment variables that the manifest declares and the operator grants. None while the plugin is built. */
      readonly env: { [name: string]: string | undefined };
      readonly argv: string[];
      readonly platform: string;
      readonly version: string;
      readonly versions: { [name: string]: string | undefined };
      /** Always `/`. */
      cwd(): string;
      nextTick(callback: (...args: any[]) => void, ...args: any[]): void;
    }
}

// From web-streams-polyfill, under the MIT license.

declare module "distri/streams" {
    export type AbortSignal = typeof globalThis extends {
        AbortSignal: {
            prototype: infer T;
        };
    } ? T : {
        aborted: boolean;
        readonly reason?: any;
        addEventListener(type: 'abort', listener: () => void): void;
        removeEventListener(type: 'abort', listener: () => void): void;
    };
    export class ByteLengthQueuingStrategy implements QueuingStrategy<ArrayBufferView> {
        constructor(options: QueuingStrategyInit);
        get highWaterMark(): number;
        get size(): (chunk: ArrayBufferView) => number;
    }
    export class CountQueuingStrategy implements QueuingStrategy<any> {
        constructor(options: QueuingStrategyInit);
        get highWaterMark(): number;
        get size(): (chunk: any) => 1;
    }
    export interface QueuingStrategy<T = any> {
        highWaterMark?: number;
        size?: QueuingStrategySizeCallback<T>;
    }
    export interface QueuingStrategyInit {
        highWaterMark: number;
    }
    export type QueuingStrategySizeCallback<T = any> = (chunk: T) => number;
    export class ReadableByteStreamController {
        private constructor();
        get byobRequest(): ReadableStreamBYOBRequest | null;
        get desiredSize(): number | null;
        close(): void;
        enqueue(chunk: ArrayBufferView): void;
        error(e?: any): void;
    }
    export class ReadableStream<R = any> implements AsyncIterable<R> {
        constructor(underlyingSource: UnderlyingByteSource, strategy?: {
            highWaterMark?: number;
            size?: undefined;
        });
        constructor(underlyingSource?: UnderlyingSource<R>, strategy?: QueuingStrategy<R>);
        get locked(): boolean;
        cancel(reason?: any): Promise<void>;
        getReader(options: {
            mode: 'byob';
        }): ReadableStreamBYOBReader;
        getReader(): ReadableStreamDefaultReader<R>;
        getReader(options?: ReadableStreamGetReaderOptions | undefined): ReadableStreamReader<R>;
        pipeThrough<RS extends ReadableStream>(transform: {
            readable: RS;
            writable: WritableStream<R>;
        }, options?: StreamPipeOptions): RS;
        pipeTo(destination: WritableStream<R>, options?: StreamPipeOptions): Promise<void>;
        tee(): [ReadableStream<R>, ReadableStream<R>];
        values(options?: ReadableStreamIteratorOptions): ReadableStreamAsyncIterator<R>;
        [Symbol.asyncIterator](options?: ReadableStreamIteratorOptions): ReadableStreamAsyncIterator<R>;
        static from<R>(asyncIterable: Iterable<R> | AsyncIterable<R> | ReadableStreamLike<R>): ReadableStream<R>;
    }
    export interface ReadableStreamAsyncIterator<R> extends AsyncIterableIterator<R> {
        next(): Promise<IteratorResult<R, undefined>>;
        return(value?: any): Promise<IteratorResult<any>>;
    }
    export class ReadableStreamBYOBReader {
        constructor(stream: ReadableStream<Uint8Array>);
        get closed(): Promise<undefined>;
        cancel(reason?: any): Promise<void>;
        read<T extends ArrayBufferView>(view: T, options?: ReadableStreamBYOBReaderReadOptions): Promise<ReadableStreamBYOBReadResult<T>>;
        releaseLock(): void;
    }
    export interface ReadableStreamBYOBReaderReadOptions {
        min?: number;
    }
    export type ReadableStreamBYOBReadResult<T extends ArrayBufferView> = {
        done: false;
        value: T;
    } | {
        done: true;
        value: T | undefined;
    };
    export class ReadableStreamBYOBRequest {
        private constructor();
        get view(): ArrayBufferView<ArrayBuffer> | null;
        respond(bytesWritten: number): void;
        respondWithNewView(view: ArrayBufferView): void;
    }
    export class ReadableStreamDefaultController<R> {
        private constructor();
        get desiredSize(): number | null;
        close(): void;
        enqueue(chunk: R): void;
        error(e?: any): void;
    }
    export class ReadableStreamDefaultReader<R = any> {
        constructor(stream: ReadableStream<R>);
        get closed(): Promise<undefined>;
        cancel(reason?: any): Promise<void>;
        read(): Promise<ReadableStreamDefaultReadResult<R>>;
        releaseLock(): void;
    }
    export interface ReadableStreamDefaultReaderLike<R = any> {
        readonly closed: Promise<undefined>;
        cancel(reason?: any): Promise<void>;
        read(): Promise<ReadableStreamDefaultReadResult<R>>;
        releaseLock(): void;
    }
    export type ReadableStreamDefaultReadResult<T> = {
        done: false;
        value: T;
    } | {
        done: true;
        value: undefined;
    };
    export interface ReadableStreamGetReaderOptions {
        mode?: 'byob';
    }
    export interface ReadableStreamIteratorOptions {
        preventCancel?: boolean;
    }
    export interface ReadableStreamLike<R = any> {
        readonly locked: boolean;
        getReader(): ReadableStreamDefaultReaderLike<R>;
    }
    export type ReadableStreamReader<R> = ReadableStreamDefaultReader<R> | ReadableStreamBYOBReader;
    export interface ReadableWritablePair<R, W> {
        readable: ReadableStream<R>;
        writable: WritableStream<W>;
    }
    export interface StreamPipeOptions {
        preventAbort?: boolean;
        preventCancel?: boolean;
        preventClose?: boolean;
        signal?: AbortSignal;
    }
    export interface Transformer<I = any, O = any> {
        start?: TransformerStartCallback<O>;
        transform?: TransformerTransformCallback<I, O>;
        flush?: TransformerFlushCallback<O>;
        cancel?: TransformerCancelCallback;
        readableType?: undefined;
        writableType?: undefined;
    }
    export type TransformerCancelCallback = (reason: any) => void | PromiseLike<void>;
    export type TransformerFlushCallback<O> = (controller: TransformStreamDefaultController<O>) => void | PromiseLike<void>;
    export type TransformerStartCallback<O> = (controller: TransformStreamDefaultController<O>) => void | PromiseLike<void>;
    export type TransformerTransformCallback<I, O> = (chunk: I, controller: TransformStreamDefaultController<O>) => void | PromiseLike<void>;
    export class TransformStream<I = any, O = any> {
        constructor(transformer?: Transformer<I, O>, writableStrategy?: QueuingStrategy<I>, readableStrategy?: QueuingStrategy<O>);
        get readable(): ReadableStream<O>;
        get writable(): WritableStream<I>;
    }
    export class TransformStreamDefaultController<O> {
        private constructor();
        get desiredSize(): number | null;
        enqueue(chunk: O): void;
        error(reason?: any): void;
        terminate(): void;
    }
    export interface UnderlyingByteSource {
        start?: UnderlyingByteSourceStartCallback;
        pull?: UnderlyingByteSourcePullCallback;
        cancel?: UnderlyingSourceCancelCallback;
        type: 'bytes';
        autoAllocateChunkSize?: number;
    }
    export type UnderlyingByteSourcePullCallback = (controller: ReadableByteStreamController) => void | PromiseLike<void>;
    export type UnderlyingByteSourceStartCallback = (controller: ReadableByteStreamController) => void | PromiseLike<void>;
    export interface UnderlyingSink<W = any> {
        start?: UnderlyingSinkStartCallback;
        write?: UnderlyingSinkWriteCallback<W>;
        close?: UnderlyingSinkCloseCallback;
        abort?: UnderlyingSinkAbortCallback;
        type?: undefined;
    }
    export type UnderlyingSinkAbortCallback = (reason: any) => void | PromiseLike<void>;
    export type UnderlyingSinkCloseCallback = () => void | PromiseLike<void>;
    export type UnderlyingSinkStartCallback = (controller: WritableStreamDefaultController) => void | PromiseLike<void>;
    export type UnderlyingSinkWriteCallback<W> = (chunk: W, controller: WritableStreamDefaultController) => void | PromiseLike<void>;
    export interface UnderlyingSource<R = any> {
        start?: UnderlyingSourceStartCallback<R>;
        pull?: UnderlyingSourcePullCallback<R>;
        cancel?: UnderlyingSourceCancelCallback;
        type?: undefined;
    }
    export type UnderlyingSourceCancelCallback = (reason: any) => void | PromiseLike<void>;
    export type UnderlyingSourcePullCallback<R> = (controller: ReadableStreamDefaultController<R>) => void | PromiseLike<void>;
    export type UnderlyingSourceStartCallback<R> = (controller: ReadableStreamDefaultController<R>) => void | PromiseLike<void>;
    export class WritableStream<W = any> {
        constructor(underlyingSink?: UnderlyingSink<W>, strategy?: QueuingStrategy<W>);
        get locked(): boolean;
        abort(reason?: any): Promise<void>;
        close(): Promise<undefined>;
        getWriter(): WritableStreamDefaultWriter<W>;
    }
    export class WritableStreamDefaultController<W = any> {
        private constructor();
        get abortReason(): any;
        get signal(): AbortSignal;
        error(e?: any): void;
    }
    export class WritableStreamDefaultWriter<W = any> {
        constructor(stream: WritableStream<W>);
        get closed(): Promise<undefined>;
        get desiredSize(): number | null;
        get ready(): Promise<undefined>;
        abort(reason?: any): Promise<void>;
        close(): Promise<void>;
        releaseLock(): void;
        write(chunk: W): Promise<void>;
    }
    export { }
}

/**
 * The globals that plugins have, for the compiler. Where a project has them from
 * elsewhere already, like from TypeScript's own `lib.dom`, they stay as they are.
 */
type DistriAbsent<T> = typeof globalThis extends { onmessage: any } ? {} : T;

interface Event extends DistriAbsent<import("distri/web").Event> {}
declare var Event: typeof globalThis extends { onmessage: any; Event: infer T } ? T : typeof import("distri/web").Event;

interface CustomEvent<T = any> extends DistriAbsent<import("distri/web").CustomEvent<T>> {}
declare var CustomEvent: typeof globalThis extends { onmessage: any; CustomEvent: infer T }
  ? T
  : typeof import("distri/web").CustomEvent;

interface EventTarget extends DistriAbsent<import("distri/web").EventTarget> {}
declare var EventTarget: typeof globalThis extends { onmessage: any; EventTarget: infer T }
  ? T
  : typeof import("distri/web").EventTarget;

interface AbortSignal extends DistriAbsent<import("distri/web").AbortSignal> {}
declare var AbortSignal: typeof globalThis extends { onmessage: any; AbortSignal: infer T }
  ? T
  : import("distri/web").AbortSignalConstructor;

interface AbortController extends DistriAbsent<import("distri/web").AbortController> {}
declare var AbortController: typeof globalThis extends { onmessage: any; AbortController: infer T }
  ? T
  : typeof import("distri/web").AbortController;

interface DOMException extends DistriAbsent<import("distri/web").DOMException> {}
declare var DOMException: typeof globalThis extends { onmessage: any; DOMException: infer T }
  ? T
  : typeof import("distri/web").DOMException;

interface Console extends DistriAbsent<import("distri/web").Console> {}
declare var console: Console;

interface Performance extends DistriAbsent<import("distri/web").Performance> {}
declare var performance: typeof globalThis extends { onmessage: any; performance: infer T }
  ? T
  : import("distri/web").Performance;

interface URL extends DistriAbsent<import("distri/web").URL> {}
declare var URL: typeof globalThis extends { onmessage: any; URL: infer T } ? T : typeof import("distri/web").URL;

interface URLSearchParams extends DistriAbsent<import("distri/web").URLSearchParams> {}
declare var URLSearchParams: typeof globalThis extends { onmessage: any; URLSearchParams: infer T }
  ? T
  : typeof import("distri/web").URLSearchParams;

interface TextEncoder extends DistriAbsent<import("distri/web").TextEncoder> {}
declare var TextEncoder: typeof globalThis extends { onmessage: any; TextEncoder: infer T }
  ? T
  : typeof import("distri/web").TextEncoder;

interface TextDecoder extends DistriAbsent<import("distri/web").TextDecoder> {}
declare var TextDecoder: typeof globalThis extends { onmessage: any; TextDecoder: infer T }
  ? T
  : typeof import("distri/web").TextDecoder;

interface TextDecoderStream extends DistriAbsent<import("distri/web").TextDecoderStream> {}
declare var TextDecoderStream: typeof globalThis extends { onmessage: any; TextDecoderStream: infer T }
  ? T
  : typeof import("distri/web").TextDecoderStream;

interface TextEncoderStream extends DistriAbsent<import("distri/web").TextEncoderStream> {}
declare var TextEncoderStream: typeof globalThis extends { onmessage: any; TextEncoderStream: infer T }
  ? T
  : typeof import("distri/web").TextEncoderStream;

interface Headers extends DistriAbsent<import("distri/web").Headers> {}
declare var Headers: typeof globalThis extends { onmessage: any; Headers: infer T }
  ? T
  : typeof import("distri/web").Headers;

interface RequestInit extends DistriAbsent<import("distri/web").RequestInit> {}
interface Request extends DistriAbsent<import("distri/web").Request> {}
declare var Request: typeof globalThis extends { onmessage: any; Request: infer T }
  ? T
  : import("distri/web").RequestConstructor;

interface ResponseInit extends DistriAbsent<import("distri/web").ResponseInit> {}
interface Response extends DistriAbsent<import("distri/web").Response> {}
declare var Response: typeof globalThis extends { onmessage: any; Response: infer T }
  ? T
  : import("distri/web").ResponseConstructor;

declare function fetch(input: string | URL | Request, init?: RequestInit | null): Promise<Response>;

interface ReadableStream<R = any> extends DistriAbsent<import("distri/streams").ReadableStream<R>> {}
declare var ReadableStream: typeof globalThis extends { onmessage: any; ReadableStream: infer T }
  ? T
  : typeof import("distri/streams").ReadableStream;

interface WritableStream<W = any> extends DistriAbsent<import("distri/streams").WritableStream<W>> {}
declare var WritableStream: typeof globalThis extends { onmessage: any; WritableStream: infer T }
  ? T
  : typeof import("distri/streams").WritableStream;

interface TransformStream<I = any, O = any> extends DistriAbsent<import("distri/streams").TransformStream<I, O>> {}
declare var TransformStream: typeof globalThis extends { onmessage: any; TransformStream: infer T }
  ? T
  : typeof import("distri/streams").TransformStream;

declare function setTimeout(callback: (...args: any[]) => void, delay?: number, ...args: any[]): number;
declare function setInterval(callback: (...args: any[]) => void, delay?: number, ...args: any[]): number;
declare function setImmediate(callback: (...args: any[]) => void, ...args: any[]): number;
declare function clearTimeout(id: number | undefined): void;
declare function clearInterval(id: number | undefined): void;
declare function clearImmediate(id: number | undefined): void;
declare function queueMicrotask(callback: () => void): void;
declare function atob(data: string): string;
declare function btoa(data: string): string;

declare var process: import("distri/web").Process;

/** The modules of Node that plugins have, for the compiler. */

declare module "node:fs/promises" {
  type Encoding =
    | "utf8" | "utf-8" | "ascii" | "latin1" | "binary" | "hex" | "base64" | "base64url"
    | "utf16le" | "utf-16le" | "ucs2" | "ucs-2";
  /** What is read of a file: bytes, and text in an encoding, UTF-8 where none is named. */
  interface Content extends Uint8Array<ArrayBuffer> {
    toString(encoding?: Encoding): string;
  }
  /** A path as the plugin sees it, or a `file:` URL. One that begins with no slash starts at `/`. */
  type PathLike = string | { href: string };
  type Data =
    | string
    | ArrayBufferView
    | ArrayBuffer
    | Iterable<string | ArrayBufferView>
    | AsyncIterable<string | ArrayBufferView>;
  interface Aborts {
    throwIfAborted(): void;
  }
  interface TextOptions {
    encoding: Encoding;
    flag?: string;
    signal?: Aborts;
  }
  interface BytesOptions {
    encoding?: null;
    flag?: string;
    signal?: Aborts;
  }
  interface WriteOptions {
    encoding?: Encoding | null;
    flag?: string;
    signal?: Aborts;
  }

  /** What a file operation is rejected with. */
  interface FileError extends Error {
    /** As Node has it, like `ENOENT`. */
    code: string;
    errno: number;
    syscall: string;
    path?: string;
    dest?: string;
    /** `denied` for what was not granted. */
    kind?: string;
    /** What to do about it. */
    hint?: string;
  }

  interface Kind {
    isFile(): boolean;
    isDirectory(): boolean;
    isSymbolicLink(): boolean;
    isBlockDevice(): boolean;
    isCharacterDevice(): boolean;
    isFIFO(): boolean;
    isSocket(): boolean;
  }
  interface Stats extends Kind {
    readonly mode: number;
    readonly nlink: number;
    readonly size: number;
    readonly atimeMs: number;
    readonly mtimeMs: number;
    readonly ctimeMs: number;
    readonly birthtimeMs: number;
    readonly atime: Date;
    readonly mtime: Date;
    readonly ctime: Date;
    readonly birthtime: Date;
  }
  interface Dirent extends Kind {
    readonly name: string;
    readonly parentPath: string;
  }

  interface FileHandle {
    readonly fd: number;
    read(): Promise<{ bytesRead: number; buffer: Content }>;
    read<T extends ArrayBufferView>(
      buffer: T,
      offset?: number | null,
      length?: number | null,
      position?: number | bigint | null,
    ): Promise<{ bytesRead: number; buffer: T }>;
    read<T extends ArrayBufferView>(
      buffer: T,
      options: { offset?: number; length?: number; position?: number | bigint | null },
    ): Promise<{ bytesRead: number; buffer: T }>;
    read<T extends ArrayBufferView>(options: {
      buffer: T;
      offset?: number;
      length?: number;
      position?: number | bigint | null;
    }): Promise<{ bytesRead: number; buffer: T }>;
    write<T extends ArrayBufferView>(
      buffer: T,
      offset?: number | null,
      length?: number | null,
      position?: number | bigint | null,
    ): Promise<{ bytesWritten: number; buffer: T }>;
    write(
      data: string,
      position?: number | bigint | null,
      encoding?: Encoding | null,
    ): Promise<{ bytesWritten: number; buffer: string }>;
    readFile(options: Encoding | { encoding: Encoding }): Promise<string>;
    readFile(options?: { encoding?: null } | null): Promise<Content>;
    writeFile(data: Data, options?: Encoding | WriteOptions | null): Promise<void>;
    appendFile(data: Data, options?: Encoding | WriteOptions | null): Promise<void>;
    stat(): Promise<Stats>;
    truncate(length?: number): Promise<void>;
    sync(): Promise<void>;
    datasync(): Promise<void>;
    close(): Promise<void>;
  }

  const constants: {
    readonly F_OK: 0;
    readonly X_OK: 1;
    readonly W_OK: 2;
    readonly R_OK: 4;
    readonly COPYFILE_EXCL: 1;
  };
  function access(path: PathLike, mode?: number): Promise<void>;
  function appendFile(path: PathLike | FileHandle, data: Data, options?: Encoding | WriteOptions | null): Promise<void>;
  function copyFile(from: PathLike, to: PathLike, mode?: number): Promise<void>;
  function lstat(path: PathLike): Promise<Stats>;
  function mkdir(path: PathLike, options: { recursive: true; mode?: number | string }): Promise<string | undefined>;
  function mkdir(path: PathLike, options?: { recursive?: false; mode?: number | string } | number | null): Promise<void>;
  function open(path: PathLike, flags?: string, mode?: number): Promise<FileHandle>;
  function readFile(path: PathLike | FileHandle, options: Encoding | TextOptions): Promise<string>;
  function readFile(path: PathLike | FileHandle, options?: BytesOptions | null): Promise<Content>;
  function readdir(path: PathLike, options: { withFileTypes: true; recursive?: boolean }): Promise<Dirent[]>;
  function readdir(path: PathLike, options?: { withFileTypes?: false; recursive?: boolean } | null): Promise<string[]>;
  function readlink(path: PathLike): Promise<string>;
  function rename(from: PathLike, to: PathLike): Promise<void>;
  function rm(path: PathLike, options?: { recursive?: boolean; force?: boolean }): Promise<void>;
  function rmdir(path: PathLike): Promise<void>;
  function stat(path: PathLike): Promise<Stats>;
  function truncate(path: PathLike, length?: number): Promise<void>;
  function unlink(path: PathLike): Promise<void>;
  function writeFile(path: PathLike | FileHandle, data: Data, options?: Encoding | WriteOptions | null): Promise<void>;
}

declare module "node:fs" {
  import * as promises from "node:fs/promises";
  const constants: typeof promises.constants;
  export { constants, promises };
}

declare module "node:path" {
  interface ParsedPath {
    root: string;
    dir: string;
    base: string;
    ext: string;
    name: string;
  }
  interface Path {
    readonly sep: "/";
    readonly delimiter: ":";
    basename(path: string, suffix?: string): string;
    dirname(path: string): string;
    extname(path: string): string;
    format(path: Partial<ParsedPath>): string;
    isAbsolute(path: string): boolean;
    join(...paths: string[]): string;
    normalize(path: string): string;
    parse(path: string): ParsedPath;
    relative(from: string, to: string): string;
    resolve(...paths: string[]): string;
    toNamespacedPath(path: string): string;
    readonly posix: Path;
  }
  const path: Path;
  export default path;
  export const sep: Path["sep"];
  export const delimiter: Path["delimiter"];
  export const basename: Path["basename"];
  export const dirname: Path["dirname"];
  export const extname: Path["extname"];
  export const format: Path["format"];
  export const isAbsolute: Path["isAbsolute"];
  export const join: Path["join"];
  export const normalize: Path["normalize"];
  export const parse: Path["parse"];
  export const relative: Path["relative"];
  export const resolve: Path["resolve"];
  export const toNamespacedPath: Path["toNamespacedPath"];
  export const posix: Path;
}

declare module "node:process" {
  const process: import("distri/web").Process;
  export default process;
  export const env: import("distri/web").Process["env"];
  export const cwd: import("distri/web").Process["cwd"];
  export const nextTick: import("distri/web").Process["nextTick"];
}

declare module "fs/promises" {
  export * from "node:fs/promises";
}
declare module "fs" {
  export * from "node:fs";
}
declare module "path" {
  export * from "node:path";
  export { default } from "node:path";
}
declare module "process" {
  export * from "node:process";
  export { default } from "node:process";
}
