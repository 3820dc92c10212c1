import { readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { readState } from '@deploy-tools/agent/deploy/state-file.js';
import { describe, expect, it } from 'vitest';
import { DeployingHost } from '../deploying-host.js';

const VERSIONS = ['v1', 'v2'] as const;
const SAYS = 'echo "$HOOK $REASON $CONFIG $REVISION $ATTEMPT $(cat "$NEWROOT/version" 2>/dev/null)"';

/** A host on which v1 is proven, with a script that says what it was told. */
async function host(): Promise<DeployingHost> {
  const made = await DeployingHost.make(VERSIONS);
  await made.set({ script: made.hook('script', SAYS), rollback: true });
  expect(await made.look('v1')).toMatchObject({ kind: 'deployed' });
  made.seen();
  return made;
}

/** The same with these hooks: what each does after it has said what it was told. */
async function hooked(bodies: Readonly<Record<string, string>>): Promise<DeployingHost> {
  const made = await host();
  const { script, rollback } = made.context.settings;
  const hooks = Object.entries(bodies).map(([name, body]) => [name, made.hook(name, SAYS, body)]);
  await made.set({ script, rollback, hooks: Object.fromEntries(hooks) });
  return made;
}

const current = ({ context }: DeployingHost) => readlinkSync(context.paths.current);

describe('a hook that fails', () => {
  it('pre: nothing is fetched, the attempt fails and nothing is rolled back', async () => {
    const made = await hooked({ pre: 'exit 1' });
    const before = made.fetched.length;
    expect(await made.look('v2')).toMatchObject({ kind: 'script' });
    expect(made.fetched).toHaveLength(before);
    expect(made.seen()).toEqual(['pre deploy project 2 1 ']);
    expect(made.step).toBe('failed');
  });

  it('prepare: it has run in the staged release, and nothing was touched', async () => {
    const made = await hooked({ prepare: 'pwd; cat version; exit 1' });
    const before = current(made);
    expect(await made.look('v2')).toMatchObject({ kind: 'script' });
    const root = join(made.context.paths.unpacked, made.config('v2').hash);
    expect(made.context.facts.log.text()).toContain(`${root}\nv2`);
    expect(made.seen()).toEqual(['prepare deploy project 2 1 v2']);
    expect([made.step, current(made)]).toEqual(['failed', before]);
  });

  it('validate, also with "not now": rolls back', async () => {
    for (const [status, message] of [
      [1, 'exit status 1'],
      [75, 'the validate hook says not now, but the release runs already'],
    ] as const) {
      const made = await hooked({ validate: `exit ${status}` });
      expect(await made.look('v2')).toMatchObject({ message: expect.stringContaining(message) });
      expect([made.step, made.seen().at(-1)]).toEqual(['rolled-back', 'script rollback project 1 1 v1']);
    }
  });

  it.each(['post', 'success'])('%s: is logged, and the release stays', async (name) => {
    const made = await hooked({ [name]: 'exit 1' });
    const errors: string[] = [];
    made.context.log.error = (...said: unknown[]) => void errors.push(String(said.at(-1)));
    expect(await made.look('v2')).toMatchObject({ kind: 'deployed' });
    expect(errors).toEqual([`the ${name} hook failed; the result stays`]);
    expect([made.step, readState(made.context.paths.state)?.revision]).toEqual(['healthy', 2]);
  });

  it('failure: is logged, and the outcome stays', async () => {
    const made = await hooked({ validate: 'exit 1', failure: 'exit 1' });
    const errors: string[] = [];
    made.context.log.error = (...said: unknown[]) => void errors.push(String(said.at(-1)));
    expect(await made.look('v2')).toMatchObject({ kind: 'script' });
    expect(errors).toEqual(['the failure hook failed; the result stays']);
    expect(made.step).toBe('rolled-back');
  });

  it('rollback: the script runs all the same, and the host is inconsistent', async () => {
    for (const status of [1, 75]) {
      const made = await hooked({ validate: 'exit 1', rollback: `exit ${status}` });
      expect(await made.look('v2')).toMatchObject({ kind: 'unhealthy' });
      expect(made.seen().slice(-2)).toEqual([
        'rollback rollback project 1 1 v1',
        'script rollback project 1 1 v1',
      ]);
      expect(made.step).toBe('inconsistent');
    }
  });
});

it('a script that vetoed the rollback leaves the host inconsistent', async () => {
  const made = await hooked({ validate: 'exit 1' });
  const script = made.hook('script', SAYS, '[ "$REASON" != rollback ] || exit 75');
  await made.set({ ...made.context.settings, script });
  expect(await made.look('v2')).toMatchObject({ kind: 'unhealthy' });
  expect(made.step).toBe('inconsistent');
});

it('"current" leads, by a relative link, to the new release when the script runs, and back when it runs in a rollback', async () => {
  const made = await host();
  const script = made.hook('script', `echo "$REASON $(readlink '${made.at('current')}')"`);
  const validate = made.hook('validate', ':', 'exit 1');
  await made.set({ script, rollback: true, hooks: { validate } });
  await made.look('v2');
  expect(made.seen()).toEqual([
    `deploy unpacked/${made.config('v2').hash}`,
    `rollback unpacked/${made.config('v1').hash}`,
  ]);
});
