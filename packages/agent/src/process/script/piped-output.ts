import type { ChildProcess } from 'node:child_process';
import { closeSync, mkdtempSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { LineSplitter } from './line-splitter.js';
import { openablePipes, type Pipe } from './openable-pipe.js';
import type { RunAs } from './run-as.js';
import { type OnLine, OUTPUT_STREAMS, orDrainTime, type RunOutput } from './run-output.js';

/**
 * The output of a program that this process reads itself, for as long as the program runs. Who still prints after that,
 * or after the end of this process, gets SIGPIPE.
 */
export async function pipedOutput(as: RunAs | undefined, onLine: OnLine): Promise<RunOutput> {
  return new PipedOutput(await pipes(as), onLine);
}

/** @returns undefined where there can be none: then those of Node.js have to do, which cannot be opened by their name. */
async function pipes(as: RunAs | undefined): Promise<readonly Pipe[] | undefined> {
  let dir: string | undefined;
  try {
    dir = mkdtempSync(join(tmpdir(), 'deploy-agent-pipe-'));
    return await openablePipes(dir, OUTPUT_STREAMS, { as, reading: 'never waits' });
  } catch {
    return undefined;
  } finally {
    if (dir !== undefined) rmSync(dir, { recursive: true, force: true });
  }
}

class PipedOutput implements RunOutput {
  readonly stdio: RunOutput['stdio'];
  readonly #pipes: readonly Pipe[] | undefined;
  readonly #onLine: OnLine;
  #streams: readonly Readable[] = [];
  #closed: Promise<unknown> = Promise.resolve();

  constructor(pipes: readonly Pipe[] | undefined, onLine: OnLine) {
    this.#pipes = pipes;
    this.#onLine = onLine;
    this.stdio = [pipes?.[0]?.writing ?? 'pipe', pipes?.[1]?.writing ?? 'pipe'];
  }

  handedOver(child: ChildProcess | undefined): void {
    for (const { writing } of this.#pipes ?? []) closeSync(writing);
    this.#streams =
      this.#pipes?.map(({ reading }) => new Socket({ fd: reading, readable: true, writable: false })) ??
      [child?.stdout, child?.stderr].filter((stream) => stream !== null && stream !== undefined);
    this.#closed = Promise.all(this.#streams.map((stream, index) => this.#pass(stream, index)));
  }

  async drained(withinMs?: number): Promise<void> {
    await orDrainTime(this.#closed, withinMs);
    for (const stream of this.#streams) stream.destroy();
  }

  #pass(stream: Readable, index: number): Promise<void> {
    const name = index === 0 ? 'stdout' : 'stderr';
    const splitter = new LineSplitter((line) => this.#onLine(name, line));
    stream.on('data', (chunk: Buffer) => splitter.push(chunk));
    stream.on('error', () => stream.destroy());
    return new Promise((resolve) => {
      stream.once('close', () => {
        splitter.end();
        resolve();
      });
    });
  }
}
