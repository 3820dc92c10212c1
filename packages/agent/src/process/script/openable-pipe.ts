import { execFile } from 'node:child_process';
import { chownSync, closeSync, constants, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { RunAs } from './run-as.js';

const execute = promisify(execFile);
const { O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } = constants;

/** The two descriptors of a pipe, which their holder closes. */
export interface Pipe {
  readonly reading: number;
  readonly writing: number;
}

/**
 * Makes a pipe for each name that programs can open again, as `echo hello > /dev/stderr` does. Node.js's own pipes are sockets,
 * which cannot be opened by name; these are FIFOs, whose names are removed before this resolves.
 * @param dir holds the names for a moment.
 * @param as the user who may open them besides this process.
 * @param reading whether a read waits for data.
 * @throws errors of mkfifo(1) and the directory.
 */
export async function openablePipes(
  dir: string,
  names: readonly string[],
  { as, reading }: { readonly as: RunAs | undefined; readonly reading: 'waits' | 'never waits' },
): Promise<Pipe[]> {
  const paths = names.map((name) => join(dir, `${name}.pipe`));
  const pipes: Pipe[] = [];
  try {
    await execute('mkfifo', ['-m', '600', '--', ...paths]);
    for (const path of paths) {
      if (as !== undefined) chownSync(path, as.uid, as.gid);
      pipes.push(openBothEnds(path, reading === 'waits' ? O_RDONLY : O_RDONLY | O_NONBLOCK));
    }
    return pipes;
  } catch (error) {
    for (const pipe of pipes) closePipe(pipe);
    throw error;
  } finally {
    for (const path of paths) rmSync(path, { force: true });
  }
}

export function closePipe({ reading, writing }: Pipe): void {
  closeSync(reading);
  closeSync(writing);
}

/** Opens both ends at once: opening one alone would wait for the other. */
function openBothEnds(path: string, readingFlags: number): Pipe {
  const both = openSync(path, O_RDWR);
  try {
    return { reading: openSync(path, readingFlags), writing: openSync(path, O_WRONLY) };
  } finally {
    closeSync(both);
  }
}
