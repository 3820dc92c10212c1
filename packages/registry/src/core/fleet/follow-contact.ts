import { DeployError } from '@deploy-tools/shared/errors.js';
import type { Contact } from './follower.js';
import type { Follow } from './host-table.js';
import type { Presence } from './presence.js';

/** Milliseconds of the steady clock: now, and how long a host may be silent. */
export interface Silence {
  readonly now: number;
  readonly lostAfterMs: number;
}

/** When it was last heard, by the steady clock; undefined when not since the registry started. */
export function heardAt({ presence, heardAt }: Follow): number | undefined {
  return presence?.heardAt ?? heardAt;
}

export function contactOf(heard: number | undefined, { now, lostAfterMs }: Silence): Contact {
  if (heard === undefined) return 'unheard';
  return now - heard > lostAfterMs ? 'lost' : 'live';
}

/** Heard within the last heartbeat. */
export function isAlive(heard: number, { now, lostAfterMs }: Silence): boolean {
  return now - heard <= lostAfterMs / 3;
}

/**
 * Whether what is known of it still holds: its agent said so on the channel that it has, or had last. A channel that is
 * new has said nothing yet, and after a restart nobody has.
 */
export function isCurrent(follow: Follow, silence: Silence): boolean {
  return follow.spoken && contactOf(heardAt(follow), silence) === 'live';
}

/** @throws DeployError in-use while the agent is heard. */
export function checkSilent(presence: Presence | undefined, silence: Silence): void {
  if (presence === undefined || contactOf(presence.heardAt, silence) !== 'live') return;
  throw new DeployError(
    'in-use',
    `an agent at ${presence.speaker.address} speaks for host ${presence.host}`,
    { hint: 'stop it first, or remove its key' },
  );
}
