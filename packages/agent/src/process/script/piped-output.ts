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
 * Opens output that this process reads itself while the program runs. Processes that still print after the end of the program or
 * of this process get SIGPIPE.
 */
export async function pipedOutput(as: RunAs | undefined, onLine: OnLine): Promise<RunOutput> {
  const pipes = await openPipes(as);
  let streams: readonly Readable[] = [];
  let closed: Promise<unknown> = Promise.resolve();
  return {
    stdio: [pipes?.[0]?.writing ?? 'pipe', pipes?.[1]?.writing ?? 'pipe'],
    handedOver: (child) => {
      for (const { writing } of pipes ?? []) closeSync(writing);
      streams =
        pipes?.map(({ reading }) => new Socket({ fd: reading, readable: true, writable: false })) ??
        [child?.stdout, child?.stderr].filter((stream) => stream !== null && stream !== undefined);
      closed = Promise.all(streams.map((stream, index) => passLines(stream, index, onLine)));
    },
    drained: async (withinMs) => {
      await orDrainTime(closed, withinMs);
      for (const stream of streams) stream.destroy();
    },
  };
}

/** @returns undefined where there is no mkfifo(1): Node.js's own pipes do then, though they cannot be opened by name. */
async function openPipes(as: RunAs | undefined): Promise<readonly Pipe[] | undefined> {
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

/** Passes the lines of a stream on. Resolves when it is closed. */
function passLines(stream: Readable, index: number, onLine: OnLine): Promise<void> {
  const splitter = new LineSplitter((line) => onLine(index === 0 ? 'stdout' : 'stderr', line));
  stream.on('data', (chunk: Buffer) => splitter.push(chunk));
  stream.on('error', () => stream.destroy());
  return new Promise((resolve) => {
    stream.once('close', () => {
      splitter.end();
      resolve();
    });
  });
}
