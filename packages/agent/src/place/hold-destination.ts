import { dirname } from 'node:path';
import { DeployError } from '@deploy-tools/shared/errors.js';
import type { AgentContext } from '../deploy/agent-context.js';
import { Superseded } from '../deploy/called-off.js';
import type { DeployRoots } from '../deploy/deploy-roots.js';
import { eitherSignal } from '../host/either-signal.js';
import type { Destination } from './sync/destination.js';
import type { DestinationClaim } from './sync/destination-owner.js';
import { lockDestination } from './sync/lock-destination.js';

/** Nobody else deploys to the destination until it is released. Without a destination there is nothing to hold. */
export interface DestinationHold {
  /** Again is nothing. */
  release(): void;
}

/**
 * Holds the destination, before anything live is touched. Waits while another process deploys there; the report, `ctl status` and the
 * log say so. What calls the deployment off ends the wait.
 * @throws DeployError conflict when the destination is another agent's; cancelled, also when the deployment was called off; denied; unsafe.
 */
export async function holdDestination(context: AgentContext): Promise<DestinationHold> {
  const { settings, timers, signal, calledOff, facts, log } = context;
  const { destination } = settings;
  if (destination === undefined) return { release: () => {} };
  const until = eitherSignal(signal, calledOff);
  try {
    const unlock = await lockDestination({
      ...destinationClaim(context, destination),
      ...{ waits: true, timers, signal: until.signal },
      log: (line) => {
        facts.waitsFor(line);
        log.warn(line);
      },
    });
    return { release: once(unlock) };
  } finally {
    until.clear();
    facts.waitsFor(undefined);
  }
}

function once(act: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) act();
    isDone = true;
  };
}

/**
 * Holds it on the way from one release back to another. There is nothing to cancel any more; a wish for a third release ends the wait, for
 * a process that keeps the destination for ever keeps the host from nothing but these two.
 * @throws as {@link holdDestination}; DeployError locked when another release is wanted.
 */
export async function holdToRollBack(
  context: AgentContext,
  { old, next }: Pick<DeployRoots, 'old' | 'next'>,
): Promise<DestinationHold> {
  for (let wanted = old?.id ?? next.id; ; ) {
    const wish = context.wishes.deploying(wanted);
    try {
      return await holdDestination({ ...context, calledOff: wish.signal });
    } catch (error) {
      const { reason } = wish.signal;
      if (context.signal.aborted || !(reason instanceof Superseded)) throw error;
      wanted = reason.by;
      if (wanted === old?.id || wanted === next.id) continue;
      const to = context.settings.destination?.to;
      throw new DeployError('locked', `another process is deploying to ${to}, and another release is wanted`);
    } finally {
      wish.close();
    }
  }
}

/** Whose the destination is, as its lock files are to say. */
export function destinationClaim(
  { settings, paths }: AgentContext,
  { to, strategy }: Destination,
): DestinationClaim {
  return { to, strategy, owner: { name: settings.name, dir: dirname(paths.placed) } };
}
