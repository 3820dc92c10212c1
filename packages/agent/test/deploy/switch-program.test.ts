import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DeployRoots } from '@deploy-tools/agent/deploy/deploy-roots.js';
import { restartProgram, switchProgram } from '@deploy-tools/agent/deploy/switch-program.js';
import { validate } from '@deploy-tools/agent/deploy/validate.js';
import type { ReleaseProgram } from '@deploy-tools/agent/process/supervise/release-program.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { expect, it } from 'vitest';
import { testScope } from '../../../../test/support/scope.js';
import { tempDir } from '../../../../test/support/temp-dir.js';
import { agentContext, configOf } from '../agent-context.js';

const CRASH = new DeployError('unhealthy', 'the program ended with exit status 1');

/** A program that runs from /v1, or is in the pause after a crash. */
function program(died: AbortSignal): { program: ReleaseProgram; starts: string[] } {
  const starts: string[] = [];
  let root = '/v1';
  return {
    starts,
    program: {
      get root() {
        return root;
      },
      get died() {
        return died;
      },
      pid: 1,
      directories: [],
      ports: [],
      start: () => {},
      switchTo: async (to) => {
        starts.push(to);
        root = to;
        return new AbortController().signal;
      },
      restart: async () => {},
    },
  };
}

function rootsOf(root: string): DeployRoots {
  const config = configOf({ hash: 'a'.repeat(64), size: 1 });
  return { old: undefined, next: { id: config.hash, root }, config, reason: 'deploy', attempt: 1 };
}

const running = new AbortController().signal;

it.each([
  ['of another release', running, '/v2', ['/v2']],
  ['that is in the pause after a crash', AbortSignal.abort(CRASH), '/v1', ['/v1']],
  ['that runs already, not', running, '/v1', []],
])('starts a program %s', async (_, died, root, expected) => {
  const { program: own, starts } = program(died);
  const context = { ...(await agentContext(tempDir(testScope()))), program: own };
  const now = await switchProgram(context, rootsOf(root));
  expect(starts).toEqual(expected);
  expect(now?.aborted).toBe(false);
});

it('a restart without a deployment is checked with the environment of the release, of which none is old', async () => {
  const dir = tempDir(testScope());
  const { program: own } = program(running);
  const launch = {
    command: ['x'] as const,
    cwd: '/v1',
    environment: { PATH: process.env.PATH ?? '', NEWROOT: '/v1' },
  };
  const restart: ReleaseProgram['restart'] = async (prove, signal) => {
    const child = { pid: 1, generation: 2, launch, died: running, ended: Promise.resolve() };
    await prove(child, signal);
  };
  const made = await agentContext(dir);
  const command = `env | grep -E '^(OLD|NEW)' | sort > '${dir}/told'`;
  const health = { ...made.settings.health, checks: [{ kind: 'exec' as const, command }] };
  await restartProgram({
    ...made,
    settings: { ...made.settings, health },
    program: { ...own, root: '/v1', restart },
  });
  expect(readFileSync(join(dir, 'told'), 'utf8')).toBe('NEWROOT=/v1\nOLDID=\nOLDROOT=\n');
});

it('does not give a program that crashed since its activation another chance', async () => {
  const died = AbortSignal.abort(CRASH);
  const { program: own, starts } = program(died);
  const context = { ...(await agentContext(tempDir(testScope()))), program: own };
  await expect(validate(context, rootsOf('/v1'), died)).rejects.toBe(CRASH);
  expect(starts).toEqual([]);
});
