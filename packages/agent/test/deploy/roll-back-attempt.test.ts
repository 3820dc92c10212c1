import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentContext, AgentSettings } from '@deploy-tools/agent/deploy/agent-context.js';
import { deployWanted } from '@deploy-tools/agent/deploy/deploy-wanted.js';
import { Ledger } from '@deploy-tools/agent/deploy/ledger.js';
import { endsRollback } from '@deploy-tools/agent/deploy/postponed-rollback.js';
import { resumeAttempt } from '@deploy-tools/agent/deploy/resume-attempt.js';
import { readState } from '@deploy-tools/agent/deploy/state-file.js';
import type { Upstream } from '@deploy-tools/agent/deploy/upstream.js';
import { pathsIn } from '@deploy-tools/agent/programs/daemon/open-application.js';
import { presentReport } from '@deploy-tools/agent/tell/report/present-report.js';
import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { DeployError, ERROR_KINDS, type ErrorKind } from '@deploy-tools/shared/errors.js';
import { beforeEach, expect, it } from 'vitest';
import { testScope } from '../../../../test/support/scope.js';
import { tempDir } from '../../../../test/support/temp-dir.js';
import { packTree } from '../../../../test/support/tree.js';
import { agentContext, configOf, fillCache, playedUpstream } from '../agent-context.js';

const MINUTE = 60_000;

let dir: string;
let context: AgentContext;
let now: number;
let configs: readonly AgentConfig[];
let settings: Partial<AgentSettings>;
/** What the place of archives answers, when the last good release has to be fetched again. */
let fetchFails: DeployError | undefined;

function upstream(wanted: AgentConfig | undefined): Upstream {
  if (wanted === undefined) throw new Error('no configuration');
  return playedUpstream(
    () => wanted,
    ({ revision }) => {
      if (revision === 1 && fetchFails !== undefined) throw fetchFails;
    },
  );
}

/** v1 is proven; v2 has just failed, and the directory of v1 is gone, so that it has to be fetched. */
beforeEach(async () => {
  const scope = testScope();
  dir = tempDir(scope);
  now = Date.parse('2026-03-01T12:00:00Z');
  fetchFails = undefined;
  const archives = [];
  for (const version of ['v1', 'v2', 'v3']) archives.push(await packTree(scope, dir, version, { version }));
  fillCache(dir, archives);
  configs = archives.map((archive, index) => ({ ...configOf(archive), revision: index + 1 }));
  const script = join(dir, 'script');
  const lines = [
    `cp "$NEWROOT/version" '${dir}/host'`,
    `[ "$REASON" = rollback ] && [ -e '${dir}/broken' ] && exit 1`,
    `[ "$(cat "$NEWROOT/version")" != v2 ]`,
  ];
  writeFileSync(script, `#!/bin/sh\n${lines.join('\n')}\n`, { mode: 0o755 });
  settings = { script, rollback: true };
  await start();
  await deployWanted(context, upstream(configs[0]), false);
  rmSync(join(context.paths.unpacked, configs[0]?.hash ?? ''), { recursive: true });
});

/** An agent is started that finds what the one before it left. */
async function start(): Promise<void> {
  const clock = () => new Date(now);
  const paths = pathsIn(dir, join(dir, 'state.json'));
  const ledger = new Ledger({
    path: join(dir, 'journal.json'),
    attemptsPath: join(dir, 'attempts.json'),
    clock,
    lastGood: () => readState(paths.state),
  });
  context = await agentContext(dir, settings, { clock, ledger });
}

const look = async (wanted: AgentConfig | undefined) => {
  await resumeAttempt(context, upstream(wanted));
  return await deployWanted(context, upstream(wanted), false);
};

const host = () => readFileSync(join(dir, 'host'), 'utf8');

const report = () =>
  presentReport({
    ...{ config: 'project', journal: context.ledger.journal, lastGood: readState(context.paths.state) },
    ...{ wanted: configs[1], paused: false, facts: context.facts },
  });

async function failToGoBack(kind: ErrorKind): Promise<void> {
  fetchFails = new DeployError(kind, 'the place is not well');
  expect(await look(configs[1])).toMatchObject({ kind: 'interrupted', error: { kind } });
}

it('gives up a way back for what says that the last good release does not work either, and for nothing else', () => {
  expect(ERROR_KINDS.filter((kind) => endsRollback(new DeployError(kind, '')))).toEqual([
    'script',
    'unhealthy',
  ]);
});

it.each(['no-space', 'auth'] as const)(
  'goes on, by the backoff, with a way back that failed for "%s"',
  async (kind) => {
    await failToGoBack(kind);
    expect(report()).toMatchObject({
      state: 'rolling-back',
      error: {
        message: expect.stringMatching(/script.*; the rollback failed for now: the place is not well/),
      },
      notBefore: new Date(now + MINUTE).toISOString(),
    });
    expect(await look(configs[1])).toMatchObject({ kind: 'waiting', ms: MINUTE });
    now += MINUTE;
    expect(await look(configs[1])).toMatchObject({ kind: 'waiting', ms: 2 * MINUTE });
    fetchFails = undefined;
    now += MINUTE;
    expect(await look(configs[1])).toMatchObject({ kind: 'waiting', ms: MINUTE });
    expect(host()).toBe('v2');
    now += MINUTE;
    await look(configs[1]);
    expect(report().state).toBe('rolled-back');
    expect(host()).toBe('v1');
    expect(context.ledger.journal.attempt?.postponed).toBeUndefined();
  },
);

it('waits for a connection, and for nothing else, where that was lost on the way back', async () => {
  await failToGoBack('connect');
  expect(report()).toMatchObject({ state: 'rolling-back' });
  expect(report()).not.toHaveProperty('notBefore');
  fetchFails = undefined;
  await look(configs[1]);
  expect(report().state).toBe('rolled-back');
});

it('leaves state.json as it was until a rollback by hand has succeeded', async () => {
  expect(await look(configs[2])).toMatchObject({ kind: 'deployed' });
  const [one, , three] = configs;
  if (one === undefined || three === undefined) throw new Error('no configuration');
  context.ledger.rollBack({ from: three, to: one, by: 'ops' });
  fetchFails = new DeployError('no-space', 'the place is not well');
  await look(three);
  expect(readState(context.paths.state)?.hash).toBe(three.hash);
  fetchFails = undefined;
  now += MINUTE;
  await look(three);
  expect(host()).toBe('v1');
  expect(readState(context.paths.state)?.hash).toBe(one.hash);
});

it('tries a postponed way back at once when somebody says retry, also after a restart of the agent', async () => {
  await failToGoBack('no-space');
  fetchFails = undefined;
  const { attempt } = context.ledger.journal;
  await start();
  const again = context.ledger;
  expect(again.journal.attempt).toEqual(attempt);
  expect(again.retry()).toBe(true);
  await look(configs[1]);
  expect(again.journal.attempt?.step).toBe('rolled-back');
  expect(host()).toBe('v1');
});

it('gives up a way back whose script fails', async () => {
  await failToGoBack('no-space');
  fetchFails = undefined;
  now += MINUTE;
  writeFileSync(join(dir, 'broken'), '');
  await look(configs[1]);
  expect(report().state).toBe('inconsistent');
});

it('leaves a postponed way back for another revision, and not for the one that it leads to', async () => {
  await failToGoBack('auth');
  expect(await look(configs[0])).toMatchObject({ kind: 'waiting', ms: MINUTE });
  fetchFails = undefined;
  const steps: (string | undefined)[] = [];
  const { step } = context.ledger;
  context.ledger.step = (...happens) => {
    step.apply(context.ledger, happens);
    steps.push(context.ledger.journal.attempt?.step);
  };
  expect(await look(configs[2])).toMatchObject({ kind: 'deployed' });
  expect(steps[0]).toBe('inconsistent');
  expect(host()).toBe('v3');
});
