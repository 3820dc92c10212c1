import { validate } from '@deploy-tools/agent/deploy/validate.js';
import type { ReleaseProgram } from '@deploy-tools/agent/process/supervise/release-program.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { expect, it } from 'vitest';
import { testScope } from '../../../../test/support/scope.js';
import { tempDir } from '../../../../test/support/temp-dir.js';
import { agentContext, configOf } from '../agent-context.js';

const NEXT = { id: 'b', root: '/releases/b' };

/** Validates a release whose program is that one. */
async function validated(program: Partial<ReleaseProgram>): Promise<void> {
  const context = await agentContext(tempDir(testScope()));
  const config = configOf({ hash: 'b'.repeat(64), size: 1 });
  await validate(
    { ...context, program: program as ReleaseProgram },
    { old: undefined, next: NEXT, config, reason: 'deploy', attempt: 1 },
    undefined,
  );
}

it('a release is valid when its program is in charge at the end', async () => {
  await validated({ root: NEXT.root, died: new AbortController().signal });
});

it('a release is not valid when the program of another one is in charge at the end, whatever was proven', async () => {
  let root = '/releases/a';
  const program = {
    get root() {
      return root;
    },
    switchTo: async () => {
      root = '/releases/a'; // as if something had put it back in charge
      return new AbortController().signal;
    },
  };
  await expect(validated(program)).rejects.toMatchObject({
    kind: 'unhealthy',
    message: 'the program in charge is not that of the release: it runs from /releases/a',
  });
});

it('a release is not valid when its program has ended since it was proven', async () => {
  const died = new AbortController();
  const reason = new DeployError('unhealthy', 'the program ended');
  const signals = [new AbortController().signal, died.signal];
  died.abort(reason);
  const program = {
    root: NEXT.root,
    get died() {
      return signals.shift();
    },
  };
  await expect(validated(program)).rejects.toBe(reason);
});
