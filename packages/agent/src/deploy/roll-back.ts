import { DeployError, describeError, toDeployError } from '@deploy-tools/shared/errors.js';
import { holdToRollBack } from '../place/hold-destination.js';
import { placeHeld } from '../place/place-release.js';
import type { AgentContext } from './agent-context.js';
import type { DeployRoots } from './deploy-roots.js';
import { checkEnvironment, proveRelease } from './prove-release.js';
import { runDeployHook } from './run-deploy-hook.js';
import { requireInCharge, switchProgram } from './switch-program.js';

/**
 * Makes the last good release the running one again, whose directory is complete: the hook, `current`, the destination, the script
 * with OLD and NEW swapped, the program, the checks. Once; whoever calls does not try again.
 * @param roots from the release that failed to the last good one.
 * @throws DeployError when the way back failed, also when only its hook did; AbortError.
 */
export async function rollBack(context: AgentContext, roots: DeployRoots): Promise<void> {
  const hook = await runToEnd(context, 'rollback', roots);
  const hold = await holdToRollBack(context, roots);
  try {
    context.ledger.returning(roots.config, 'activating');
    await placeHeld(context, roots.next, { way: 'back', hold });
  } finally {
    hold.release();
  }
  const script = await runToEnd(context, 'script', roots);
  if (script !== undefined) throw script;
  const died = await switchProgram(context, roots);
  context.ledger.returning(roots.config, 'activated');
  await proveRelease(context, { how: 'for-long', environment: checkEnvironment(context, roots), died });
  requireInCharge(context, roots);
  if (hook !== undefined) throw hook;
}

/** @returns how it failed. */
async function runToEnd(
  context: AgentContext,
  hook: 'rollback' | 'script',
  roots: DeployRoots,
): Promise<DeployError | undefined> {
  try {
    if ((await runDeployHook(context, hook, roots)) === 'done') return undefined;
    return new DeployError(
      'script',
      `the ${hook === 'script' ? hook : 'rollback hook'} says not now on the way back`,
    );
  } catch (error) {
    context.log.error({ err: describeError(error) }, 'a step of the way back failed');
    return toDeployError(error);
  }
}
