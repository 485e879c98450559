/**
 * Streams and futures of the kinds that the world's imports take. The engine tells
 * kinds apart even where they carry the same: each is asked for by the name of a
 * function that takes it.
 */
import type { ErrorCode, Trailers } from "wasi:http/types@0.3.0";

declare const wit: {
  stream(of: string): { readable: StreamReadable<any>; writable: StreamWritable<any> };
  future(of: string): { readable: FutureReadable<any>; writable: FutureWritable<any> };
};

export interface Bytes {
  readable: StreamReadable<number>;
  writable: StreamWritable<number>;
}

/** What is written to a file, and what passes between two ends in here. */
export const fileBytes = (): Bytes => wit.stream("wasi:filesystem/types@0.3.0#[method]descriptor.write-via-stream");

/** What a request carries. */
export const bodyBytes = (): Bytes => wit.stream("wasi:http/types@0.3.0#[static]request.new");

/** What comes after a request's body. */
export const trailers = (): { readable: FutureReadable<Trailers>; writable: FutureWritable<Trailers> } =>
  wit.future("wasi:http/types@0.3.0#[static]request.new");

type Done = Result<void, ErrorCode>;

/** How the use of an answer went. */
export const done = (): { readable: FutureReadable<Done>; writable: FutureWritable<Done> } =>
  wit.future("wasi:http/types@0.3.0#[static]response.consume-body");

/** Writes what somebody takes sooner or later, and lets go of it then. */
export function settle<T>(future: FutureWritable<T>, value: T): void {
  void future.write(value).then(() => future.drop());
}

/** Reads from a stream: no items, whenever asked, after the last ones. */
export async function read<T>(stream: StreamReadable<T>, count: number): ReturnType<StreamReadable<T>["read"]> {
  try {
    return await stream.read(count);
  } catch {
    // The last read told that these were the last ones, and the engine keeps it to itself.
    return new Uint8Array() as Awaited<ReturnType<StreamReadable<T>["read"]>>;
  }
}
