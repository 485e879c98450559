/** The world's imports, as the engines offer them to modules. */
declare module "distri:plugin/host@0.3.0" {
  const host: import("./host.ts").Host;
  export default host;
}

declare module "distri:plugin/host@0.2.0" {
  type Host = import("./host.ts").Host;
  export const callTool: Host["callTool"];
  export const callAgent: Host["callAgent"];
  export const getSessionValue: Host["getSessionValue"];
  export const setSessionValue: Host["setSessionValue"];
  export const log: Host["log"];
}

declare module "distri:plugin/url@0.3.0" {
  export interface Parts {
    href: string;
    origin: string;
    protocol: string;
    username: string;
    password: string;
    host: string;
    hostname: string;
    port: string;
    pathname: string;
    search: string;
    hash: string;
  }
  export type Part = Exclude<keyof Parts, "origin">;
  const url: {
    parse(input: string, base: string | null): Parts | null;
    set(href: string, part: Part, value: string): Parts | null;
  };
  export default url;
}

declare module "distri:plugin/text-codec@0.3.0" {
  export interface Decoder {
    decode(bytes: Uint8Array, last: boolean): string | null;
    [Symbol.dispose](): void;
  }
  const codec: {
    Decoder: new (encoding: string, fatal: boolean, keepBom: boolean) => Decoder;
    encoding(label: string): string | null;
    encode(text: string): Uint8Array<ArrayBuffer>;
  };
  export default codec;
}

declare module "distri:plugin/waiting@0.3.0" {
  import type { Request, Response } from "wasi:http/types@0.3.0";
  const waiting: {
    /** In nanoseconds. */
    sleep(id: number, duration: number): Promise<void>;
    send(id: number, request: Request): Promise<Response>;
    giveUp(id: number): void;
  };
  export default waiting;
}

declare module "distri:plugin/sql@0.3.0" {
  const sql: import("./sql.ts").Sql;
  export default sql;
}

declare module "distri:plugin/sql@0.2.0" {
  type Sql = import("./sql.ts").Sql;
  export const query: Sql["query"];
  export const execute: Sql["execute"];
  export const begin: Sql["begin"];
}

declare module "wasi:random/random@0.3.0" {
  const random: {
    /** At most this many bytes; the engine passes a `u64` as a number. */
    getRandomBytes(length: number): Uint8Array;
  };
  export default random;
}

declare module "wasi:cli/environment@0.3.0" {
  const environment: { getEnvironment(): [string, string][] };
  export default environment;
}

declare module "wasi:clocks/monotonic-clock@0.3.0" {
  /** In nanoseconds. */
  const clock: { now(): number };
  export default clock;
}

declare module "wasi:http/types@0.3.0" {
  export type Method = { tag: string; val?: string };
  export type ErrorCode = { tag: string; val?: unknown };
  export interface Fields {
    copyAll(): [string, Uint8Array][];
    [Symbol.dispose](): void;
  }
  export interface Request {
    setMethod(method: Method): void;
    setScheme(scheme: { tag: string } | null): void;
    setAuthority(authority: string | null): void;
    setPathWithQuery(path: string | null): void;
    [Symbol.dispose](): void;
  }
  export interface Response {
    getStatusCode(): number;
    getHeaders(): Fields;
    [Symbol.dispose](): void;
  }
  export type Trailers = Result<Fields | null, ErrorCode>;
  const types: {
    Fields: { fromList(entries: [string, Uint8Array][]): Fields };
    Request: {
      new: (
        headers: Fields,
        contents: StreamReadable<number> | null,
        trailers: FutureReadable<Trailers>,
        options: null,
      ) => [Request, FutureReadable<Result<void, ErrorCode>>];
    };
    Response: {
      consumeBody(
        response: Response,
        done: FutureReadable<Result<void, ErrorCode>>,
      ): [StreamReadable<number>, FutureReadable<Trailers>];
    };
  };
  export default types;
}

declare module "wasi:filesystem/types@0.3.0" {
  export type ErrorCode = { tag: string; val?: string };
  export type DescriptorType = { tag: string; val?: string };
  export interface Instant {
    seconds: number;
    nanoseconds: number;
  }
  export interface DescriptorStat {
    type: DescriptorType;
    linkCount: number;
    size: number;
    dataAccessTimestamp: Instant | null;
    dataModificationTimestamp: Instant | null;
    statusChangeTimestamp: Instant | null;
  }
  export interface DirectoryEntry {
    type: DescriptorType;
    name: string;
  }
  export interface PathFlags {
    symlinkFollow?: boolean;
  }
  /** Flags that are left out are not set. */
  export interface OpenFlags {
    create?: boolean;
    directory?: boolean;
    exclusive?: boolean;
    truncate?: boolean;
  }
  export interface DescriptorFlags {
    read?: boolean;
    write?: boolean;
    mutateDirectory?: boolean;
  }
  type Outcome = FutureReadable<Result<void, ErrorCode>>;
  export interface Descriptor {
    readViaStream(offset: number): [StreamReadable<number>, Outcome];
    writeViaStream(data: StreamReadable<number>, offset: number): Outcome;
    appendViaStream(data: StreamReadable<number>): Outcome;
    syncData(): Promise<void>;
    sync(): Promise<void>;
    getFlags(): Promise<DescriptorFlags>;
    setSize(size: number): Promise<void>;
    readDirectory(): [StreamReadable<DirectoryEntry>, Outcome];
    createDirectoryAt(path: string): Promise<void>;
    isSameObject(other: Descriptor): Promise<boolean>;
    stat(): Promise<DescriptorStat>;
    statAt(flags: PathFlags, path: string): Promise<DescriptorStat>;
    openAt(flags: PathFlags, path: string, open: OpenFlags, descriptor: DescriptorFlags): Promise<Descriptor>;
    readlinkAt(path: string): Promise<string>;
    removeDirectoryAt(path: string): Promise<void>;
    renameAt(from: string, folder: Descriptor, to: string): Promise<void>;
    unlinkFileAt(path: string): Promise<void>;
    [Symbol.dispose](): void;
  }
}

declare module "wasi:filesystem/preopens@0.3.0" {
  const preopens: { getDirectories(): [import("wasi:filesystem/types@0.3.0").Descriptor, string][] };
  export default preopens;
}

/** How the engine passes a `result` that is part of something. */
type Result<T, E> = { tag: "ok"; val?: T } | { tag: "err"; val: E };

/** An end of a stream; of bytes, what is read is a `Uint8Array`. */
interface StreamReadable<T> {
  /** At most this many; none after the last ones, and to ask again is an error then. */
  read(count: number): Promise<T extends number ? Uint8Array<ArrayBuffer> : T[]>;
  /** The pending `read` gives what there is. */
  cancelRead(): unknown;
  drop(): void;
}
interface StreamWritable<T> {
  /** The number that was taken; none when nobody reads any more. */
  write(data: T extends number ? Uint8Array : T[]): Promise<number>;
  /** The pending `write` gives what was taken. */
  cancelWrite(): unknown;
  drop(): void;
}
interface FutureReadable<T> {
  read(): Promise<T>;
  drop(): void;
}
interface FutureWritable<T> {
  /** Whether somebody took it. To drop one without having written is a trap. */
  write(value: T): Promise<boolean>;
  drop(): void;
}

declare const crypto: { getRandomValues(bytes: Uint8Array): Uint8Array };
