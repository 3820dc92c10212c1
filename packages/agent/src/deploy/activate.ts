import { existsSync, rmSync } from 'node:fs';
import type { DestinationHold } from '../place/hold-destination.js';
import { placeHeld, placeRelease } from '../place/place-release.js';
import type { AgentContext } from './agent-context.js';
import { type DeployRoots, rootOf } from './deploy-roots.js';
import { runDeployHook } from './run-deploy-hook.js';
import { switchProgram } from './switch-program.js';

/** What came of it; `died` is aborted when the program that took over ends by itself, undefined where there is none. */
export type Activated = 'vetoed' | { readonly died: AbortSignal | undefined };

/**
 * Makes a complete release the running one: `current`, the destination, the script, the supervised program. Where the host
 * says not now, `current` is as it was, and so is a destination that had a release before.
 * @param hold on the destination; released before the script.
 * @throws DeployError script, unhealthy, those of the sync; AbortError.
 */
export async function activate(
  context: AgentContext,
  roots: DeployRoots,
  hold: DestinationHold,
): Promise<Activated> {
  const { log } = context;
  const { old, next } = roots;
  if (old !== undefined && !existsSync(old.root))
    log.warn({ root: old.root }, 'the directory of the old release is gone');
  await placeHeld(context, next, { way: 'forward', hold });
  if ((await runDeployHook(context, 'script', roots)) === 'vetoed') {
    await leaveAsItWas(context);
    return 'vetoed';
  }
  return { died: await switchProgram(context, roots) };
}

/** What was live is so still, which need not be the old release that the script was told of: another one's script may have failed. */
async function leaveAsItWas(context: AgentContext): Promise<void> {
  const { paths, ledger } = context;
  const left = ledger.journal.attempt?.left;
  const live = left == null ? undefined : rootOf(paths.unpacked, left.config);
  if (live === undefined || !existsSync(live.root)) {
    rmSync(paths.current, { force: true });
    return;
  }
  await placeRelease(context, live, 'back');
}
