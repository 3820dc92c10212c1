import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { KeptStream } from './kept-stream.js';
import { OUTPUT_STREAMS, type OutputStream } from './run-output.js';

/** What one run of a program prints, and those that it leaves behind, in a directory of its own. */
export interface KeptRunOptions {
  readonly dir: string;
  /** Whether nobody can print there any more. */
  readonly isOver: () => boolean;
  readonly onLine: (stream: OutputStream, line: string) => void;
  readonly onLoss: (why: string) => void;
}

/** Reads what the keepers of one run keep. */
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

  /** All has been read, and nothing more can come. */
  get isRemoved(): boolean {
    return this.#isRemoved;
  }

  /** Reads what has come so far. @returns whether anything had. */
  async read(): Promise<boolean> {
    const isOver = this.#options.isOver(); // asked first: what comes in between is read at the next time
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
