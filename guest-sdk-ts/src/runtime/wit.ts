/**
 * Streams and futures of the kinds that the world's imports take. The engine tells
 * kinds apart even where they carry the same, and numbers them: `U8_2` is the
 * second kind of byte stream in the world, which is that of `wasi:http`.
 */
import type { ErrorCode, Trailers } from "wasi:http/types@0.3.0";

type Kinds = { readonly [name: string]: number };
declare const wit: {
  Stream: Kinds & ((kind: number) => { readable: StreamReadable<any>; writable: StreamWritable<any> });
  Future: Kinds & ((kind: number) => { readable: FutureReadable<any>; writable: FutureWritable<any> });
};

export interface Bytes {
  readable: StreamReadable<number>;
  writable: StreamWritable<number>;
}

/** What is written to a file, and what passes between two ends in here. */
export const fileBytes = (): Bytes => wit.Stream(wit.Stream.U8!);

/** What a request carries. */
export const bodyBytes = (): Bytes => wit.Stream(wit.Stream.U8_2!);

/** What comes after a request's body. */
export const trailers = (): { readable: FutureReadable<Trailers>; writable: FutureWritable<Trailers> } =>
  wit.Future(wit.Future.RESULT_OPTION_OTHER_ERROR_CODE!);

type Done = Result<void, ErrorCode>;

/** How the use of an answer went. */
export const done = (): { readable: FutureReadable<Done>; writable: FutureWritable<Done> } =>
  wit.Future(wit.Future.RESULT_VOID_WASI_HTTP_TYPES_0_3_0_ERROR_CODE!);

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
