import { existsSync, rmSync } from 'node:fs';
import type { DestinationHold } from '../place/release-place.js';
import type { AgentContext } from './agent-context.js';
import { type DeployRoots, rootOf } from './deploy-roots.js';

/** The result of an activation; `died` as Host.switchProgram returns it. */
export type Activated = 'vetoed' | { readonly died: AbortSignal | undefined };

export interface Activation {
  /** Of the destination; released before the script. */
  readonly hold: DestinationHold;
  /** Ends the activation early, but does not interrupt a script. */
  readonly calledOff: AbortSignal;
}

/**
 * Activates a complete release: `current`, destination, script, supervised program. After a veto of the script, `current` and the
 * destination have the previous release again.
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
    await putLiveBack(context, calledOff);
    return 'vetoed';
  }
  return { died: await host.switchProgram(roots, calledOff) };
}

/** Puts the live release back. It need not be the old release that the script got: its own script may have failed. */
async function putLiveBack(
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
