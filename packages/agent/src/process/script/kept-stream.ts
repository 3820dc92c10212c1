import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname } from 'node:path';
import { isMissing } from '@deploy-tools/shared/errors.js';
import { LineSplitter } from './line-splitter.js';

const CHUNK_BYTES = 64 * 1024;
const NEWLINE = 0x0a;
/** A smaller part is the last one. */
const SMALLEST_PART = 1024 * 1024;

interface KeptStreamOptions {
  /** The path of the parts without their numbers; see output-keeper.ts. */
  readonly base: string;
  readonly onLine: (line: string) => void;
  readonly onLoss: (why: string) => void;
}

/**
 * Reads the parts that a keeper keeps of one stream, and removes each when it is read. A file beside them marks the position for
 * the next agent. Between two looks no file is open.
 */
export class KeptStream {
  readonly #options: KeptStreamOptions;
  readonly #splitter: LineSplitter;
  readonly #reported = new Set<string>();
  #part: number;
  #offset: number;

  constructor(options: KeptStreamOptions) {
    this.#options = options;
    this.#splitter = new LineSplitter(options.onLine);
    [this.#part, this.#offset] = readMark(options.base);
  }

  /** Gives out some lines. @returns whether there may be more already. */
  look(): boolean {
    const { base } = this.#options;
    if (existsSync(`${base}.lost`)) {
      rmSync(`${base}.lost`, { force: true });
      this.#lost('it could not be written');
    }
    // Asked before the size: a whole part does not grow any more.
    const isWhole = this.#offset >= SMALLEST_PART && existsSync(`${base}.${this.#part + 1}`);
    const size = statSync(`${base}.${this.#part}`, { throwIfNoEntry: false })?.size;
    if (size === undefined) return this.#skip();
    if (size > this.#offset) return this.#read();
    if (isWhole) this.#next(this.#part + 1);
    return isWhole;
  }

  /** Gives out the rest, which has no newline. */
  end(): void {
    this.#splitter.end();
  }

  #read(): boolean {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    const bytes = this.#readInto(chunk);
    const read = chunk.subarray(0, bytes);
    this.#splitter.push(read);
    this.#offset += bytes;
    const newline = read.lastIndexOf(NEWLINE);
    if (newline >= 0) this.#mark(this.#offset - bytes + newline + 1);
    return bytes > 0;
  }

  /** Reads from the current part. The keeper may remove it at any moment, so it is opened each time; 0 bytes when it is gone. */
  #readInto(chunk: Buffer): number {
    let fd: number;
    try {
      fd = openSync(`${this.#options.base}.${this.#part}`, 'r');
    } catch (error) {
      if (isMissing(error)) return 0;
      throw error;
    }
    try {
      return readSync(fd, chunk, 0, chunk.length, this.#offset);
    } finally {
      closeSync(fd);
    }
  }

  #next(part: number): void {
    rmSync(`${this.#options.base}.${this.#part}`, { force: true });
    this.#part = part;
    this.#offset = 0;
    this.#mark(0);
  }

  /** Skips parts that the keeper has removed unread. */
  #skip(): boolean {
    const later = partsOf(this.#options.base).filter((part) => part > this.#part);
    if (later.length === 0) return false;
    this.#lost('it came faster than it was read, and the oldest part was dropped');
    this.#next(Math.min(...later));
    return true;
  }

  #lost(why: string): void {
    if (!this.#reported.has(why)) this.#options.onLoss(why);
    this.#reported.add(why);
  }

  /** Marks the position for the next agent, which without it gives out some lines twice. */
  #mark(lineStart: number): void {
    try {
      writeFileSync(`${this.#options.base}.read`, `${this.#part} ${lineStart}\n`, { mode: 0o600 });
    } catch {
      // a full disk
    }
  }
}

function readMark(base: string): [number, number] {
  try {
    const [, part, offset] = /^(\d+) (\d+)\n$/.exec(readFileSync(`${base}.read`, 'utf8')) ?? [];
    if (part !== undefined && offset !== undefined) return [Number(part), Number(offset)];
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  return [0, 0];
}

function partsOf(base: string): number[] {
  const prefix = `${basename(base)}.`;
  const names = readdirSync(dirname(base)).filter((name) => name.startsWith(prefix));
  return names
    .map((name) => name.slice(prefix.length))
    .flatMap((end) => (/^\d+$/.test(end) ? [Number(end)] : []));
}
