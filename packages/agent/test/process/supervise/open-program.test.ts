import { join } from 'node:path';
import { systemTimers } from '@deploy-tools/agent/host/timers.js';
import type { OpenProgram, ProgramOptions } from '@deploy-tools/agent/process/supervise/open-program.js';
import { openProgram } from '@deploy-tools/agent/process/supervise/open-program.js';
import { describeError } from '@deploy-tools/shared/errors.js';
import { createLogger } from '@deploy-tools/shared/log.js';
import { describe, expect, it } from 'vitest';
import { testScope } from '../../../../../test/support/scope.js';
import { tempDir } from '../../../../../test/support/temp-dir.js';

const NEVER = new AbortController().signal;

/** A program that is `run` in the release's directory, with the lines that the deploy's log gets. */
async function opened(options: Partial<ProgramOptions>): Promise<OpenProgram & { readonly lines: string[] }> {
  const lines: string[] = [];
  const program = await openProgram({
    ...{ command: ['./run'], ports: [], handoff: 'fd', stopTimeoutMs: 10_000, as: undefined },
    output: undefined as never, // a pipe
    recordPath: join(tempDir(testScope()), 'programs.json'),
    timers: systemTimers,
    log: await createLogger('test', 'silent'),
    onLine: (line) => lines.push(line),
    onCrash: () => {},
    ...options,
  });
  testScope().defer(() => program.close());
  return { ...program, lines };
}

const environment = { PATH: process.env.PATH ?? '' };

describe('a program that cannot take over', () => {
  const DIES = [
    '/bin/sh',
    '-c',
    'echo "Error: listen EADDRINUSE: address already in use :::8080"; exit 1',
  ] as const;

  it('because it opens its port itself gets an error that says so, with what to do', async () => {
    const { program } = await opened({ command: DIES });
    const error = await program
      .switchTo({ root: '/', environment }, async () => {}, NEVER)
      .catch((thrown) => thrown);
    expect(error).toMatchObject({ kind: 'unhealthy' });
    expect(describeError(error)).toMatch(
      /^the program \(process \d+\) ended with exit status 1: it says that its address is in use \(.*-handoff restart/,
    );
  });

  it('with -handoff restart has the port of another program, of which nothing is known', async () => {
    const { program } = await opened({ command: DIES, handoff: 'restart' });
    const switched = program.switchTo({ root: '/', environment }, async () => {}, NEVER);
    await expect(switched).rejects.toThrow(/ended with exit status 1$/);
  });
});

it('a new program has to live for a second before it is asked anything', async () => {
  const slept: number[] = [];
  const timers = {
    now: () => 0,
    sleep: async (ms: number, signal?: AbortSignal) => {
      slept.push(ms);
      if (ms > 1000) await systemTimers.sleep(ms, signal);
    },
  };
  const { program } = await opened({ command: ['sleep', '60'], timers });
  const prove = async () => expect(slept).toEqual([1000]);
  await program.switchTo({ root: '/', environment }, prove, NEVER);
  expect.assertions(1);
});
