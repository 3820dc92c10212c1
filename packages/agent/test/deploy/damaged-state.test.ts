import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ledger } from '@deploy-tools/agent/deploy/ledger.js';
import { runAgent } from '@deploy-tools/agent/follow/follow-configuration.js';
import { Pushes } from '@deploy-tools/agent/follow/pushes.js';
import type { Link } from '@deploy-tools/agent/follow/registry-link.js';
import type { ReleaseProgram } from '@deploy-tools/agent/process/supervise/release-program.js';
import type { SftpClient } from '@deploy-tools/shared/client/sftp-client.js';
import type { DeployError } from '@deploy-tools/shared/errors.js';
import { expect, it } from 'vitest';
import { testScope } from '../../../../test/support/scope.js';
import { tempDir } from '../../../../test/support/temp-dir.js';
import { until } from '../../../../test/support/until.js';
import { agentContext, configOf } from '../agent-context.js';

/** A connection that is never asked anything. */
function idleLink(): Link & { readonly closes: string[] } {
  const closes: string[] = [];
  const session = {} as SftpClient;
  return {
    closes,
    sftp: async () => session,
    own: async () => ({ sftp: session, end: () => {} }),
    another: async () => session,
    close: (why) => void closes.push(why),
  };
}

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
  const made = await agentContext(dir, {}, stop.signal);
  const config = configOf({ hash: 'a'.repeat(64), size: 1 });
  const options = { path: join(dir, 'journal.json'), attemptsPath: join(dir, 'attempts.json') };
  const ledger = new Ledger({ ...options, clock: made.clock, lastGood: () => undefined });
  ledger.begin(config, undefined);
  for (const step of ['fetch', 'stage', 'activate', 'validate', 'prove'] as const) ledger.step(step);
  const root = join(made.paths.unpacked, config.hash);
  mkdirSync(root, { recursive: true });
  writeFileSync(`${root}.ok`, '');
  writeFileSync(made.paths.state, '{"Name": "pro');
  const { starts, program } = programStarts();
  const link = idleLink();
  const troubles: (DeployError | undefined)[] = [];
  const context = {
    ...made,
    ledger,
    program,
    onTrouble: (error: DeployError | undefined) => troubles.push(error),
  };
  const done = runAgent(context, link, new Pushes(), { pollMs: 10, once: false, random: Math.random });
  await until('it has polled twice', () => troubles.length > 1);
  expect(starts).toEqual([root]);
  expect(troubles[1]).toMatchObject({
    kind: 'corrupt',
    message: expect.stringMatching(/state\.json is damaged/),
  });
  expect(link.closes).toEqual([]);
  stop.abort();
  expect(await done).toBe(0);
});
