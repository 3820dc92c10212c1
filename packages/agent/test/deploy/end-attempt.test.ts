import { endFailed } from '@deploy-tools/agent/deploy/end-attempt.js';
import { Superseded } from '@deploy-tools/agent/deploy/wishes.js';
import { Pushes } from '@deploy-tools/agent/follow/pushes.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { createLogger } from '@deploy-tools/shared/log.js';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../../../shared/test/support/temporary-directory.js';
import { agentContext, configOf } from '../agent-context.js';

const [A, B] = ['a', 'b'].map((digit) => configOf({ hash: digit.repeat(64), size: 1 })) as [
  ReturnType<typeof configOf>,
  ReturnType<typeof configOf>,
];
const failure = new DeployError('script', 'it failed');

/** What the log says of an attempt at A that failed. @param wanted a hash, as the registry announced it meanwhile. */
async function saidOf(error: DeployError, wanted?: string): Promise<Record<string, unknown>> {
  const lines: string[] = [];
  const log = await createLogger('test', 'info', {
    write: (bytes) => {
      lines.push(Buffer.from(bytes).toString());
      return bytes.length;
    },
  });
  const wishes = new Pushes();
  if (wanted !== undefined) wishes.announce(wanted);
  const context = await agentContext(temporaryDirectory(), {}, { log, wishes });
  context.ledger.begin(A, undefined);
  context.ledger.step('fail', {
    error: { kind: error.kind, message: error.message },
    isSuperseded: error instanceof Superseded,
  });
  await endFailed(context, { kind: 'failed', error });
  return JSON.parse(lines[0] ?? '') as Record<string, unknown>;
}

describe('a deployment that failed', () => {
  it('is said to be tried again only while its release is wanted', async () => {
    expect((await saidOf(failure)).msg).toBe('deployment failed, it is retried later');
    expect((await saidOf(failure, A.hash)).msg).toBe('deployment failed, it is retried later');
    expect((await saidOf(failure, B.hash)).msg).toBe('deployment failed, another release is wanted by now');
    const superseded = await saidOf(new Superseded(B.hash));
    expect(superseded.msg).toBe('deployment failed, another release is wanted by now');
    expect(superseded).not.toHaveProperty('notBefore');
  });
});
