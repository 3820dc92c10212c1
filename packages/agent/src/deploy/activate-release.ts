import { existsSync, rmSync } from 'node:fs';
import type { DestinationHold } from '../place/release-place.js';
import type { AgentContext } from './agent-context.js';
import { type DeployRoots, rootOf } from './deploy-roots.js';

/** What came of an activation; `died` as Host.switchProgram returns it. */
export type Activated = 'vetoed' | { readonly died: AbortSignal | undefined };

export interface Activation {
  /** On the destination; released before the script. */
  readonly hold: DestinationHold;
  /** Ends it before its time; a script is not interrupted. */
  readonly calledOff: AbortSignal;
}

/**
 * Makes a complete release the running one: `current`, the destination, the script, the supervised program. Where the script vetoes
 * it, `current` is as it was, and so is a destination that had a release before.
 * @throws DeployError script, unhealthy, those of the sync; AbortError.
 */
export async function activateRelease(
  context: AgentContext,
  roots: DeployRoots,
  { hold, calledOff }: Activation,
): Promise<Activated> {
  const { host, place, log, signal } = context;
  const { old, next } = roots;
  if (old !== undefined && !existsSync(old.root))
    log.warn({ root: old.root }, 'the directory of the old release is gone');
  await place.put(next, { way: 'forward', hold, signal });
  if ((await host.run('script', roots)) === 'vetoed') {
    await leaveAsItWas(context, calledOff);
    return 'vetoed';
  }
  return { died: await host.switchProgram(roots, calledOff) };
}

/** Puts back what was live, which need not be the old release that the script got: another one's script may have failed. */
async function leaveAsItWas(
  { paths, ledger, place, signal }: AgentContext,
  calledOff: AbortSignal,
): Promise<void> {
  const { left } = ledger.attempt;
  const live = left == null ? undefined : rootOf(paths.unpacked, left.config);
  if (live === undefined || !existsSync(live.root)) {
    rmSync(paths.current, { force: true });
    return;
  }
  const hold = await place.hold(signal, calledOff);
  await place.put(live, { way: 'back', hold, signal });
}
