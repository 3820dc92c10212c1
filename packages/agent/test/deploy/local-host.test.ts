import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DeployRoots } from '@deploy-tools/agent/deploy/deploy-roots.js';
import type { ReleaseProgram } from '@deploy-tools/agent/process/supervise/release-program.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { expect, it } from 'vitest';
import { testScope } from '../../../../test/support/scope.js';
import { tempDir } from '../../../../test/support/temp-dir.js';
import { agentContext, agentSettings, configOf } from '../agent-context.js';

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
      switchTo: async ({ root: to }) => {
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
  const { host } = await agentContext(tempDir(testScope()), {}, { program: own });
  const now = await host.switchProgram(rootsOf(root), running);
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
  const command = `env | grep -E '^(OLD|NEW)' | sort > '${dir}/told'`;
  const health = { ...agentSettings().health, checks: [{ kind: 'exec' as const, command }] };
  const { host } = await agentContext(dir, { health }, { program: { ...own, root: '/v1', restart } });
  await host.restart(running);
  expect(readFileSync(join(dir, 'told'), 'utf8')).toBe('NEWROOT=/v1\nOLDID=\nOLDROOT=\n');
});

it('a warning passes, and is in the log of the deployment', async () => {
  const checks = [{ kind: 'exec' as const, command: 'echo slow; exit 3' }];
  const health = { ...agentSettings().health, checks, warnStatus: 3 };
  const { host, facts } = await agentContext(tempDir(testScope()), { health });
  await host.prove(rootsOf('/v2'), {});
  expect(facts.log.text()).toMatch(/^health warning: exec echo slow; exit 3: exit status 3: slow$/m);
});

it('a release is in charge when its program is, and runs', async () => {
  const { program: own } = program(running);
  const { host } = await agentContext(tempDir(testScope()), {}, { program: own });
  host.requireInCharge(rootsOf('/v1'));
  expect(() => host.requireInCharge(rootsOf('/v2'))).toThrow(
    "the program in charge is not the release's: it runs from /v1",
  );
  const { program: crashed } = program(AbortSignal.abort(CRASH));
  const after = await agentContext(tempDir(testScope()), {}, { program: crashed });
  expect(() => after.host.requireInCharge(rootsOf('/v1'))).toThrow(CRASH);
});

it('a restart ends with its own signal, and not with that of the loop whose settings it has', async () => {
  const signals: AbortSignal[] = [];
  const { program: own } = program(running);
  const restart: ReleaseProgram['restart'] = async (_, signal) => void signals.push(signal);
  const more = { program: { ...own, root: '/v1', restart }, signal: AbortSignal.abort() };
  const { host } = await agentContext(tempDir(testScope()), {}, more);
  await host.restart(running);
  expect(signals).toEqual([running]);
});
