import { contactOf, heardAt, isCurrent, type Silence } from './follow-contact.js';
import type { Follower } from './follower.js';
import type { Follow, Host } from './host-table.js';

/** A host that follows a configuration, as it is known at this moment by both clocks. */
export function followerOf(
  { record }: Host,
  follow: Follow,
  times: Silence & { readonly clock: Date },
): Follower {
  const { configuration, report, changed, contact, presence } = follow;
  const heard = heardAt(follow);
  const lastContact = heard === undefined ? contact : timeOf(heard, times.now, times.clock);
  return {
    record,
    configuration,
    report,
    changed,
    contact: contactOf(heard, times),
    isCurrent: isCurrent(follow, times),
    isStored: follow.storing === 0,
    lastContact,
    silentMs: Math.max(0, times.clock.getTime() - Date.parse(lastContact)),
    address: presence?.speaker.address,
  };
}

/** A moment of the steady clock, as RFC 3339 UTC. */
export function timeOf(steady: number, steadyNow: number, clock: Date): string {
  return new Date(clock.getTime() - (steadyNow - steady)).toISOString();
}
