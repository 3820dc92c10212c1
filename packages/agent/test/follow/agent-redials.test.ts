import { mkdirSync } from 'node:fs';
import { writeState } from '@deploy-tools/agent/deploy/state-file.js';
import { followConfiguration } from '@deploy-tools/agent/follow/follow-configuration.js';
import type { Pushes } from '@deploy-tools/agent/follow/pushes.js';
import { Redials } from '@deploy-tools/agent/follow/redials.js';
import {
  RegistryUpstream,
  type RegistryUpstreamOptions,
} from '@deploy-tools/agent/follow/registry-upstream.js';
import { systemTimers } from '@deploy-tools/agent/host/timers.js';
import { encodeConfigJson } from '@deploy-tools/shared/config-json.js';
import { Turns } from '@deploy-tools/shared/host/turns.js';
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
  let now = 1000;
  const timers = { ...systemTimers, now: () => now };
  const context = await agentContext(tempDir(testScope()), {}, { signal: stop.signal, timers });
  const config = configOf({ hash: 'a'.repeat(64), size: 1 });
  mkdirSync(context.paths.unpacked);
  writeState(context.paths.state, config);
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
  const link = { sftp, close: () => {} } as unknown as RegistryUpstreamOptions['link'];
  const pace = { pollMs: 30_000, random: () => 1 };
  const redials = new Redials(pace, timers);
  const upstream = new RegistryUpstream({
    link,
    isShared: false,
    name: 'project',
    polls: new Turns(1),
    redials,
  });
  await followConfiguration(context, { upstream, pushes, once: false, ...pace });
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
