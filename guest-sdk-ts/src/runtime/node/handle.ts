/** Open files. */
import type { Descriptor } from "wasi:filesystem/types@0.3.0";
import { concat, type Bytes } from "../web/text.ts";
import * as wit from "../wit.ts";
import { Content, decode, encode, piecesOf, type Data, type Encoding } from "./encodings.ts";
import { badArgument, fileError, outOfRange, type Deed } from "./errors.ts";
import { at, check, explain, locate, type PathLike, type Place } from "./places.ts";
import { Stats } from "./stats.ts";

/** The most bytes that are read at once: what is read takes that much memory, however little it is. */
const PIECE = 64 << 10;

/** What Node's flags ask for: `+` for both ways, `a` for writing at the end, `x` for a new file. */
function flagsOf(flags: string) {
  const parts = /^(r|w|a)(x?)(\+?)$/.exec(flags.replace(/^(.)(\+)(x)$/, "$1$3$2").replace("s", ""));
  if (!parts || (parts[1] === "r" && parts[2])) throw badArgument(`the flags ${JSON.stringify(flags)} are not known`);
  const [, kind, exclusive, both] = parts;
  const read = kind === "r" || both !== "";
  const write = kind !== "r" || both !== "";
  return {
    open: { create: kind !== "r", truncate: kind === "w", exclusive: exclusive !== "" },
    descriptor: { read, write },
    appends: kind === "a",
  };
}

/** Opens a file. */
export const open = async (path: PathLike, flags: string = "r"): Promise<FileHandle> => openAs(path, flagsOf(flags));

async function openAs(path: PathLike, wanted: ReturnType<typeof flagsOf>): Promise<FileHandle> {
  const place = locate(path, "open");
  const file = await at(place, { syscall: "open" }, () =>
    place.folder.openAt({ symlinkFollow: true }, place.name, wanted.open, wanted.descriptor),
  );
  return new FileHandle(file, place, wanted.appends);
}

/** Runs something with an open file, and closes it whatever comes of it. */
export async function withFile<T>(path: PathLike, flags: string, use: (file: FileHandle) => Promise<T>): Promise<T> {
  return using(await open(path, flags), use);
}

/** The same with a file to be written, of which what is in it is still there. */
export async function withTarget<T>(path: PathLike, isNew: boolean, use: (file: FileHandle) => Promise<T>): Promise<T> {
  const open = { create: true, truncate: false, exclusive: isNew };
  return using(await openAs(path, { open, descriptor: { read: false, write: true }, appends: false }), use);
}

async function using<T>(file: FileHandle, use: (file: FileHandle) => Promise<T>): Promise<T> {
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

/** Which part of a buffer, and where in the file. */
export interface Span {
  offset?: number | null | undefined;
  length?: number | null | undefined;
  position?: number | bigint | null | undefined;
}

/** The most bytes that `read` makes room for by itself. */
const ROOM = 16 << 10;

/** A place in a file; none for where it stands. */
function offsetOf(position: unknown): number | undefined {
  if (position === null || position === undefined || Number(position) === -1) return undefined;
  const offset = typeof position === "bigint" ? Number(position) : position;
  if (typeof offset !== "number") throw badArgument("the position is not a number");
  if (!Number.isSafeInteger(offset) || offset < 0) throw outOfRange(`the position is out of range: ${position}`);
  return offset;
}

/** The bytes of that part. */
function part(view: ArrayBufferView, { offset, length }: Span): Uint8Array {
  const start = offset ?? 0;
  const count = length ?? view.byteLength - start;
  if (!(start >= 0 && count >= 0 && start + count <= view.byteLength)) throw outOfRange("the part is not in the buffer");
  return new Uint8Array(view.buffer, view.byteOffset + start, count);
}

type TextOptions = Encoding | { encoding?: Encoding | null } | null | undefined;
const encodingOf = (options: TextOptions) => (typeof options === "string" ? options : options?.encoding);

// What comes before are a program's standard streams, where there are some.
let lastNumber = 2;

export class FileHandle {
  readonly fd = ++lastNumber;
  #file: Descriptor | undefined;
  #place: Place;
  #appends: boolean;
  /** Where the next read or write that names no place begins. */
  #position = 0;

  constructor(file: Descriptor, place: Place, appends: boolean) {
    this.#file = file;
    this.#place = place;
    this.#appends = appends;
  }

  #open(syscall: string): [Descriptor, Deed] {
    const deed = { syscall, path: this.#place.path };
    if (!this.#file) throw fileError("bad-descriptor", deed);
    return [this.#file, deed];
  }

  async read<T extends ArrayBufferView>(
    buffer?: T | (Span & { buffer?: T | undefined }),
    offset?: number | Span | null,
    length?: number | null,
    position?: number | bigint | null,
  ): Promise<{ bytesRead: number; buffer: T }> {
    const given = ArrayBuffer.isView(buffer) ? buffer : buffer?.buffer;
    const into = given ?? (new Content(new ArrayBuffer(ROOM)) as ArrayBufferView as T);
    let span: Span = ArrayBuffer.isView(buffer) ? { length, position } : (buffer ?? {});
    if (typeof offset === "object" && offset) span = offset;
    else if (typeof offset === "number") span = { ...span, offset };
    const target = part(into, span);
    const where = offsetOf(span.position);
    const from = where ?? this.#position;
    let bytesRead = 0;
    // Before anything else is read.
    if (where === undefined) this.#position += target.length;
    try {
      const bytes = await this.#take(from, target.length);
      target.set(bytes);
      bytesRead = bytes.length;
    } finally {
      if (where === undefined) this.#position -= target.length - bytesRead;
    }
    return { bytesRead, buffer: into };
  }

  /** Bytes from there on: as many as there are, at most this many. */
  async #take(from: number, most: number): Promise<Bytes> {
    const [file, deed] = this.#open("read");
    const [stream, outcome] = file.readViaStream(from);
    const pieces = [];
    let left = most;
    while (left > 0) {
      const piece = await wit.read(stream, Math.min(PIECE, left));
      if (piece.length === 0) break;
      // A piece holds on to the room that it was read into.
      pieces.push(piece.length < PIECE / 2 ? piece.slice() : piece);
      left -= piece.length;
    }
    stream.drop();
    if (left > 0) await check(outcome, deed);
    else outcome.drop();
    return concat(pieces);
  }

  async write(
    data: ArrayBufferView | string,
    offset?: number | Span | null,
    length?: number | Encoding | null,
    position?: number | bigint | null,
  ): Promise<{ bytesWritten: number; buffer: ArrayBufferView | string }> {
    let span: Span = typeof offset === "object" && offset ? offset : { offset, length: length as number, position };
    // Text has its place in the file where bytes have their offset, and an encoding in place of a length.
    if (typeof data === "string") span = { position: offset as number };
    const bytes = typeof data === "string" ? encode(data, (length as Encoding) ?? "utf8") : part(data, span);
    const where = offsetOf(span.position);
    const from = where ?? this.#position;
    let bytesWritten = 0;
    // Before anything else is written.
    if (where === undefined) this.#position += bytes.length;
    try {
      bytesWritten = await this.#put([bytes], from);
    } finally {
      if (where === undefined) this.#position -= bytes.length - bytesWritten;
    }
    return { bytesWritten, buffer: data };
  }

  /** Writes pieces, and gives the number of their bytes. */
  async #put(pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, from: number): Promise<number> {
    const [file, deed] = this.#open("write");
    const { readable, writable } = wit.fileBytes();
    const outcome = this.#appends ? file.appendViaStream(readable) : file.writeViaStream(readable, from);
    let total = 0;
    try {
      total = await pour(pieces, writable);
    } finally {
      writable.drop();
      // Whether it is all there; when a piece could not be made, that is the error.
      await check(outcome, deed).catch(async (thrown) => Promise.reject(await explain(thrown, deed, this.#place)));
    }
    return total;
  }

  async readFile(options?: TextOptions): Promise<any> {
    const bytes = await this.#take(this.#position, Infinity);
    this.#position += bytes.length;
    const encoding = encodingOf(options);
    return encoding ? decode(bytes, encoding) : new Content(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  async writeFile(data: Data, options?: TextOptions): Promise<void> {
    const written = await this.#put(piecesOf(data, encodingOf(options) ?? "utf8"), this.#position);
    this.#position += written;
  }

  async appendFile(data: Data, options?: TextOptions): Promise<void> {
    return this.writeFile(data, options);
  }

  async stat(): Promise<Stats> {
    const [file, deed] = this.#open("fstat");
    return new Stats(await at(this.#place, deed, () => file.stat()));
  }

  async truncate(length = 0): Promise<void> {
    const [file, deed] = this.#open("ftruncate");
    if (!Number.isSafeInteger(length)) throw outOfRange(`the length is out of range: ${length}`);
    // As in Node, fewer than none is none.
    await at(this.#place, deed, () => file.setSize(Math.max(length, 0)));
  }

  async sync(): Promise<void> {
    const [file, deed] = this.#open("fsync");
    await at(this.#place, deed, () => file.sync());
  }

  async datasync(): Promise<void> {
    const [file, deed] = this.#open("fdatasync");
    await at(this.#place, deed, () => file.syncData());
  }

  /** Puts all that is in this file in the place of what is in another, without a look at it. */
  async copyTo(other: FileHandle): Promise<void> {
    const [from, deed] = this.#open("copyfile");
    const [to] = other.#open("copyfile");
    if ((await this.stat()).isDirectory()) throw fileError("is-directory", deed);
    // By another name or through a link.
    if (await from.isSameObject(to)) return;
    await other.truncate();
    const [stream, outcome] = from.readViaStream(0);
    await Promise.all([check(to.writeViaStream(stream, 0), deed), check(outcome, deed)]);
  }

  async close(): Promise<void> {
    this.#file?.[Symbol.dispose]();
    this.#file = undefined;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Writes until all is taken, or nobody takes more; gives how much was. */
async function pour(
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  writable: StreamWritable<number>,
): Promise<number> {
  let total = 0;
  for await (const piece of pieces) {
    for (let at = 0; at < piece.length; ) {
      const taken = await writable.write(piece.subarray(at, at + PIECE));
      if (taken === 0) return total;
      at += taken;
      total += taken;
    }
  }
  return total;
}
