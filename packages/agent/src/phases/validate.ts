import { DeployError } from '@deploy-tools/shared/errors.js';
import type { AgentContext } from '../agent-context.js';
import type { DeployRoots } from '../deploy/deploy-roots.js';
import { checkEnvironment, type Proof, proveRelease } from '../deploy/prove-release.js';
import { runDeployHook } from '../deploy/run-deploy-hook.js';
import { requireInCharge, switchProgram } from '../deploy/switch-program.js';

/**
 * Has an activated release prove itself, from the beginning: the program runs, the checks pass for long enough, then the
 * hook; in the end it is its program that is in charge.
 * @param died of the run that took over in this very attempt: that it ended since then counts, though it may run again.
 * @throws DeployError unhealthy, script; Superseded; AbortError.
 */
export async function validate(
  context: AgentContext,
  roots: DeployRoots,
  died: AbortSignal | undefined,
): Promise<void> {
  if (died?.aborted === true) throw died.reason;
  const now = await switchProgram(context, roots);
  const environment = checkEnvironment(context, roots);
  await proveUnlessNewer(context, roots, { how: 'for-long', environment, died: died ?? now });
  if ((await runDeployHook(context, 'validate', roots)) === 'vetoed')
    throw new DeployError('script', 'the validate hook says not now, but the release runs already', {
      hint: 'exit with 0 or 1 there; ask before, in the pre or prepare hook',
    });
  requireInCharge(context, roots);
}

/** A newer wish ends the proof as the death of the program does. */
async function proveUnlessNewer(context: AgentContext, { config }: DeployRoots, proof: Proof): Promise<void> {
  const newer = context.newer(config.hash);
  const over = new AbortController();
  const ends = [proof.died, newer.signal].filter((signal) => signal !== undefined);
  const end = (): void => over.abort(ends.find(({ aborted }) => aborted)?.reason);
  for (const signal of ends) {
    if (signal.aborted) end();
    signal.addEventListener('abort', end, { once: true });
  }
  try {
    await proveRelease(context, { ...proof, died: over.signal });
  } finally {
    newer.clear();
    for (const signal of ends) signal.removeEventListener('abort', end);
  }
}
