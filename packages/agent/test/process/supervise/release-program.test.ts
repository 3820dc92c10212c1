import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { releaseProgram } from '@deploy-tools/agent/process/supervise/release-program.js';
import type { Prove } from '@deploy-tools/agent/process/supervise/supervisor.js';
import { expect, it } from 'vitest';
import { testScope } from '../../../../../test/support/scope.js';
import { tempDir } from '../../../../../test/support/temp-dir.js';
import { supervised } from './supervised.js';

const NEVER = new AbortController().signal;
const proven: Prove = async () => {};

it('who calls off a release whose program took over does not wait for the one before to drain', async () => {
  const site = await supervised(testScope(), {}, []);
  const [v1, v2] = [tempDir(testScope()), tempDir(testScope())];
  const command = `trap 'until test -e ended; do sleep 0.02; done; exit' TERM; echo on; while :; do sleep 0.02; done`;
  const what = { command: ['/bin/sh', '-c', command] as const };
  const program = releaseProgram(site.supervisor, what);
  const environment = { PATH: process.env.PATH ?? '' };
  await program.switchTo({ root: v1, environment }, proven, NEVER);
  await site.line('on');
  const stop = new AbortController();
  let isOver = false;
  const switching = program.switchTo({ root: v2, environment }, proven, stop.signal);
  void switching.then(() => {
    isOver = true;
  });
  await site.event('in-charge', 2);
  expect([isOver, program.directories]).toEqual([false, [v1, v2]]);
  stop.abort();
  expect((await switching).aborted).toBe(false);
  expect([program.root, program.directories]).toEqual([v2, [v1, v2]]);
  for (const dir of [v1, v2]) writeFileSync(join(dir, 'ended'), '');
  await site.event('ended');
  expect(program.directories).toEqual([v2]);
});
