import { mkdirSync } from 'node:fs';
import { writeState } from '@deploy-tools/agent/deploy/state-file.js';
import { runAgent } from '@deploy-tools/agent/follow/follow-configuration.js';
import type { Pushes } from '@deploy-tools/agent/follow/pushes.js';
import type { Link } from '@deploy-tools/agent/follow/registry-link.js';
import { encodeConfigJson } from '@deploy-tools/shared/config-json.js';
import { expect, it } from 'vitest';
import { testScope } from '../../../../test/support/scope.js';
import { tempDir } from '../../../../test/support/temp-dir.js';
import { agentContext, configOf } from '../agent-context.js';

/**
 * Follows a registry whose connections are lost, each after one look.
 * @param lives how long they last, in milliseconds.
 * @returns the longest pauses before a connection is made again.
 */
async function pausesAfter(lives: readonly number[]): Promise<number[]> {
  const stop = new AbortController();
  const context = await agentContext(tempDir(testScope()), {}, stop.signal);
  const config = configOf({ hash: 'a'.repeat(64), size: 1 });
  mkdirSync(context.paths.unpacked);
  writeState(context.paths.state, config);
  let now = 1000;
  const timers = { ...context.timers, now: () => now };
  const pauses: number[] = [];
  const pushes = {
    working: true,
    wait: async () => {
      now += lives[pauses.length] ?? 0;
      return 'lost';
    },
    sleep: async (ms: number) => {
      now += ms;
      pauses.push(ms);
      if (pauses.length === lives.length) stop.abort();
    },
  } as unknown as Pushes;
  const sftp = async () => ({ readFile: async () => Buffer.from(encodeConfigJson(config)) });
  const link = { sftp, close: () => {} } as unknown as Link;
  await runAgent({ ...context, timers }, link, pushes, { pollMs: 30_000, once: false, random: () => 1 });
  return pauses;
}

it('an agent whose connections work for a moment only connects more and more seldom', async () => {
  expect(await pausesAfter([10, 10, 59_000, 10, 10, 10, 10])).toEqual([
    1000, 2000, 4000, 8000, 16_000, 30_000, 30_000,
  ]);
});

it('an agent whose connection lasted for a minute connects again at once', async () => {
  expect(await pausesAfter([10, 10, 60_000, 10, 3_600_000])).toEqual([1000, 2000, 1000, 2000, 1000]);
});
