import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentContext } from '@deploy-tools/agent/deploy/agent-context.js';
import { deployWanted } from '@deploy-tools/agent/deploy/deploy-wanted.js';
import { releaseToRepeat } from '@deploy-tools/agent/deploy/operator-requests.js';
import { readState } from '@deploy-tools/agent/deploy/state-file.js';
import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { beforeEach, expect, it } from 'vitest';
import { testScope } from '../../../../test/support/scope.js';
import { tempDir } from '../../../../test/support/temp-dir.js';
import { packTree } from '../../../../test/support/tree.js';
import { agentContext, configOf, fillCache, playedUpstream } from '../agent-context.js';

let dir: string;
let context: AgentContext;
let wanted: AgentConfig;

/** A release that was deployed once. */
beforeEach(async () => {
  dir = tempDir(testScope());
  const archive = await packTree(testScope(), dir, 'v1', { version: 'v1' });
  fillCache(dir, [archive]);
  wanted = { ...configOf(archive), revision: 1 };
  const script = join(dir, 'script');
  const lines = [`echo "$REASON $OLDID $NEWID" >> '${dir}/calls'`, `[ ! -e '${dir}/veto' ] || exit 75`];
  writeFileSync(script, `#!/bin/sh\n${lines.join('\n')}\n`, { mode: 0o755 });
  const prepare = join(dir, 'prepare');
  writeFileSync(prepare, `#!/bin/sh\n[ ! -e '${dir}/fail' ]\n`, { mode: 0o755 });
  context = await agentContext(dir, { script, hooks: { prepare } });
  await look();
});

async function look(isImpatient = false): Promise<string> {
  const upstream = playedUpstream(() => wanted);
  return (await deployWanted(context, upstream, isImpatient)).kind;
}

const calls = () => readFileSync(join(dir, 'calls'), 'utf8').trimEnd().split('\n');
const again = () => {
  const { hash } = releaseToRepeat(context.ledger, readState(context.paths.state), wanted);
  context.ledger.deployAgain(hash);
};

it('runs the script once more for the release that runs, which is OLD and NEW', async () => {
  expect(await look()).toBe('current');
  again();
  context = await agentContext(dir, context.settings); // The agent is started anew.
  expect(await look()).toBe('deployed');
  expect(calls()).toEqual([`deploy  ${wanted.hash}`, `retry ${wanted.hash} ${wanted.hash}`]);
  expect(await look()).toBe('current');
});

it('is asked about again after a veto, and tried again after a failure', async () => {
  again();
  writeFileSync(join(dir, 'veto'), '');
  expect(await look()).toBe('waiting');
  rmSync(join(dir, 'veto'));
  writeFileSync(join(dir, 'fail'), '');
  expect(await look(true)).toBe('failed');
  rmSync(join(dir, 'fail'));
  expect(await look()).toBe('waiting');
  context.ledger.retry();
  expect(await look()).toBe('deployed');
  expect(await look()).toBe('current');
  expect(existsSync(join(context.paths.unpacked, wanted.hash))).toBe(true);
});

it('is refused where another release is wanted, or none runs', () => {
  const other = { ...wanted, hash: 'f'.repeat(64) };
  expect(() => releaseToRepeat(context.ledger, wanted, other)).toThrow(/another release is wanted/);
  const none = { journal: {}, inFlight: undefined };
  expect(() => releaseToRepeat(none, undefined, undefined)).toThrow(/nothing is deployed here yet/);
});
