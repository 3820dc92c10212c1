import { join } from 'node:path';
import { cleanUp } from '@deploy-tools/agent/deploy/clean-up.js';
import type { ReleaseProgram } from '@deploy-tools/agent/process/supervise/release-program.js';
import { describe, expect, it } from 'vitest';
import { DeployingHost } from '../deploying-host.js';

const VERSIONS = ['v1', 'v2', 'v3', 'v4'] as const;

/** A host that keeps one release; v1, v2 and v3 were proven, in that order. */
async function host(settings: { cleanOld?: boolean } = {}): Promise<DeployingHost> {
  const made = await DeployingHost.make(VERSIONS);
  await made.set({ rollback: true, keep: 1, keepsForeign: false, ...settings });
  for (const version of ['v1', 'v2', 'v3']) await made.look(version);
  return made;
}

describe('pruning', () => {
  it('spares the last two that were proven, whatever -keep says', async () => {
    const made = await host();
    expect(made.releases()).toEqual(['v2', 'v3']);
  });

  it.each([
    [75, 'a veto', 'waiting'],
    [1, 'a failure', 'script'],
  ])(
    'with exit status %i, %s, is done too, and spares what is in flight or has failed',
    async (status, _, kind) => {
      const made = await host();
      await made.set({
        ...made.context.settings,
        script: made.hook('script', ':', `[ "$REASON" = rollback ] || exit ${status}`),
      });
      expect(await made.look('v4')).toMatchObject({ kind });
      expect(made.releases()).toEqual(['v2', 'v3', 'v4']);
      expect(await made.look('v1')).toMatchObject({ kind });
      expect(made.releases()).toEqual(['v1', 'v2', 'v3']);
    },
  );

  it('spares what a program still runs from, such as one that drains', async () => {
    const made = await host();
    const directories = [join(made.context.paths.unpacked, made.config('v2').hash)];
    const program = { directories } as unknown as ReleaseProgram;
    await made.set({ ...made.context.settings, cleanOld: true }, { program });
    await cleanUp(made.context, []);
    expect(made.releases()).toEqual(['v2', 'v3']);
    await made.set(made.context.settings);
    await cleanUp(made.context, []);
    expect(made.releases()).toEqual(['v3']);
  });

  it('with -cleanold keeps what is live only; one that is rolled back to is fetched again', async () => {
    const made = await host({ cleanOld: true });
    expect(made.releases()).toEqual(['v3']);
    made.context.ledger.rollBack({ from: made.config('v3'), to: made.config('v2') });
    await made.look('v3');
    expect(made.fetched).toEqual(['v1', 'v2', 'v3', 'v2']);
    expect(made.step).toBe('rolled-back');
    expect(made.releases()).toContain('v2');
  });
});
