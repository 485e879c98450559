/** `Stats` and `Dirent`, as Node has them. */
import type { DescriptorStat, DescriptorType, DirectoryEntry, Instant } from "wasi:filesystem/types@0.3.0";

/** The bits of a mode that say what something is. */
const KINDS: { [tag: string]: number } = {
  "block-device": 0o060000,
  "character-device": 0o020000,
  directory: 0o040000,
  fifo: 0o010000,
  "symbolic-link": 0o120000,
  "regular-file": 0o100000,
  socket: 0o140000,
};

abstract class Kind {
  #tag: string;
  constructor(type: DescriptorType) {
    this.#tag = type.tag;
  }
  isFile(): boolean {
    return this.#tag === "regular-file";
  }
  isDirectory(): boolean {
    return this.#tag === "directory";
  }
  isSymbolicLink(): boolean {
    return this.#tag === "symbolic-link";
  }
  isBlockDevice(): boolean {
    return this.#tag === "block-device";
  }
  isCharacterDevice(): boolean {
    return this.#tag === "character-device";
  }
  isFIFO(): boolean {
    return this.#tag === "fifo";
  }
  isSocket(): boolean {
    return this.#tag === "socket";
  }
}

const milliseconds = (time: Instant | null) => (time ? time.seconds * 1000 + time.nanoseconds / 1e6 : 0);

/** What a file is. Owners, device and inode are not told; the mode has the kind alone. */
export class Stats extends Kind {
  readonly dev = 0;
  readonly ino = 0;
  readonly uid = 0;
  readonly gid = 0;
  readonly rdev = 0;
  readonly blksize = 4096;
  readonly mode: number;
  readonly nlink: number;
  readonly size: number;
  readonly blocks: number;
  readonly atimeMs: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly birthtimeMs: number;
  readonly atime: Date;
  readonly mtime: Date;
  readonly ctime: Date;
  readonly birthtime: Date;

  constructor(stat: DescriptorStat) {
    super(stat.type);
    this.mode = KINDS[stat.type.tag] ?? 0;
    this.nlink = stat.linkCount;
    this.size = stat.size;
    this.blocks = Math.ceil(stat.size / 512);
    this.atimeMs = milliseconds(stat.dataAccessTimestamp);
    this.mtimeMs = milliseconds(stat.dataModificationTimestamp);
    this.ctimeMs = milliseconds(stat.statusChangeTimestamp);
    this.birthtimeMs = this.ctimeMs;
    this.atime = new Date(this.atimeMs);
    this.mtime = new Date(this.mtimeMs);
    this.ctime = new Date(this.ctimeMs);
    this.birthtime = new Date(this.birthtimeMs);
  }
}

/** An entry of a folder. */
export class Dirent extends Kind {
  readonly name: string;
  readonly parentPath: string;
  constructor(entry: DirectoryEntry, parentPath: string) {
    super(entry.type);
    this.name = entry.name;
    this.parentPath = parentPath;
  }
  /** The folder, under its older name. */
  get path(): string {
    return this.parentPath;
  }
}
