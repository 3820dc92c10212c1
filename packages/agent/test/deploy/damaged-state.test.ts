import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { followConfiguration } from '@deploy-tools/agent/follow/follow-configuration.js';
import { Pushes } from '@deploy-tools/agent/follow/pushes.js';
import type { ReleaseProgram } from '@deploy-tools/agent/process/supervise/release-program.js';
import type { DeployError } from '@deploy-tools/shared/errors.js';
import { expect, it } from 'vitest';
import { testScope } from '../../../../test/support/scope.js';
import { tempDir } from '../../../../test/support/temp-dir.js';
import { until } from '../../../../test/support/until.js';
import { agentContext, closedUpstream, configOf } from '../agent-context.js';

function programStarts(): { starts: string[]; program: ReleaseProgram } {
  const starts: string[] = [];
  const program: ReleaseProgram = {
    get root() {
      return starts[0];
    },
    died: undefined,
    pid: undefined,
    directories: [],
    ports: [],
    start: (root) => void starts.push(root),
    switchTo: async () => new AbortController().signal,
    restart: async () => {},
  };
  return { starts, program };
}

it('a damaged state.json keeps the agent from deploying, not from its program, its connection or its life', async () => {
  const dir = tempDir(testScope());
  const stop = new AbortController();
  const { starts, program } = programStarts();
  const troubles: (DeployError | undefined)[] = [];
  const context = await agentContext(
    dir,
    {},
    { signal: stop.signal, program, onTrouble: (error) => void troubles.push(error) },
  );
  const { ledger, paths } = context;
  const config = configOf({ hash: 'a'.repeat(64), size: 1 });
  ledger.begin(config, undefined);
  for (const step of ['fetch', 'stage', 'activate', 'validate', 'prove'] as const) ledger.step(step);
  const root = join(paths.unpacked, config.hash);
  mkdirSync(root, { recursive: true });
  writeFileSync(`${root}.ok`, '');
  writeFileSync(paths.state, '{"Name": "pro');
  const drops: string[] = [];
  let reached = 0;
  const upstream = {
    ...closedUpstream(),
    reach: async () => {
      reached += 1;
    },
    drop: (why: string) => void drops.push(why),
  };
  const loop = { upstream, pushes: new Pushes(), pollMs: 10, once: false, random: Math.random };
  const done = followConfiguration(context, loop);
  await until('it has polled twice', () => troubles.length > 1);
  expect(starts).toEqual([root]);
  expect(troubles[1]).toMatchObject({
    kind: 'corrupt',
    message: expect.stringMatching(/state\.json is damaged/),
  });
  expect(drops).toEqual([]);
  expect(reached).toBeGreaterThan(1);
  stop.abort();
  expect(await done).toBe(0);
});
