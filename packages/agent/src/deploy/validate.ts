import { DeployError } from '@deploy-tools/shared/errors.js';
import type { AgentContext } from './agent-context.js';
import { Cancelled } from './called-off.js';
import type { DeployRoots } from './deploy-roots.js';
import { checkEnvironment, proveRelease } from './prove-release.js';
import { runDeployHook } from './run-deploy-hook.js';
import { requireInCharge, switchProgram } from './switch-program.js';

/**
 * Has an activated release prove itself, from the beginning: the program runs, the checks pass for long enough, then the
 * hook; in the end it is its program that is in charge. What is proven by its script alone does not mind that another is wanted.
 * @param died of the run that took over in this very attempt: that it ended since then counts, though it may run again.
 * @throws DeployError unhealthy, script; Superseded, Cancelled; AbortError.
 */
export async function validate(
  context: AgentContext,
  roots: DeployRoots,
  died: AbortSignal | undefined,
): Promise<void> {
  if (died?.aborted === true) throw died.reason;
  throwIfCancelled(context);
  const now = await switchProgram(context, roots);
  const environment = checkEnvironment(context, roots);
  const { calledOff } = context;
  await proveRelease(context, { how: 'for-long', environment, died: died ?? now, calledOff });
  if ((await runDeployHook(context, 'validate', roots)) === 'vetoed')
    throw new DeployError('script', 'the validate hook says not now, but the release runs already', {
      hint: 'exit with 0 or 1 there; ask before, in the pre or prepare hook',
    });
  requireInCharge(context, roots);
  throwIfCancelled(context);
}

function throwIfCancelled({ calledOff }: AgentContext): void {
  if (calledOff.reason instanceof Cancelled) throw calledOff.reason;
}
