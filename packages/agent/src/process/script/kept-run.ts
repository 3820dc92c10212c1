import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { KeptStream } from './kept-stream.js';
import { OUTPUT_STREAMS, type OutputStream } from './run-output.js';

/** The directory with the output of one run of a program, and of the processes that it leaves behind. */
interface KeptRunOptions {
  readonly dir: string;
  /** Whether no process can print there any more. */
  readonly isOver: () => boolean;
  readonly onLine: (stream: OutputStream, line: string) => void;
  readonly onLoss: (why: string) => void;
}

export class KeptRun {
  readonly #options: KeptRunOptions;
  readonly #streams: readonly KeptStream[];
  #isRemoved = false;

  constructor(options: KeptRunOptions) {
    const { dir, onLine, onLoss } = options;
    this.#options = options;
    this.#streams = OUTPUT_STREAMS.map(
      (name) => new KeptStream({ base: join(dir, name), onLine: (line) => onLine(name, line), onLoss }),
    );
  }

  /** Everything was read, and the directory is removed. */
  get isRemoved(): boolean {
    return this.#isRemoved;
  }

  /** Reads the output so far. @returns whether there was any. */
  async read(): Promise<boolean> {
    const isOver = this.#options.isOver(); // asked first, so that the last output is read before the directory is removed
    let news = false;
    for (const stream of this.#streams) {
      while (!this.#isRemoved && stream.look()) {
        news = true;
        await turn();
      }
    }
    if (isOver) this.#remove();
    return news;
  }

  #remove(): void {
    if (this.#isRemoved) return;
    this.#isRemoved = true;
    for (const stream of this.#streams) stream.end();
    rmSync(this.#options.dir, { recursive: true, force: true });
  }
}
