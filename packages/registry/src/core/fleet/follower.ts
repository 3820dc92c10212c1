import type { StateReport } from '@deploy-tools/shared/report/report.js';
import type { HostRecord } from '../../meta/fleet-store.js';

/**
 * Whether a host still speaks: `live`, `lost` when it was silent for three heartbeats, `unheard` when it has not
 * spoken since this registry started.
 */
export type Contact = 'live' | 'lost' | 'unheard';

/** A host that follows a configuration, as it is known now. Times are RFC 3339 UTC by the registry's clock. */
export interface Follower {
  readonly record: HostRecord;
  readonly configuration: string;
  /** What it last said, without the log; undefined when it said nothing yet. */
  readonly report: StateReport | undefined;
  /** When what it says last changed. */
  readonly changed: string;
  readonly contact: Contact;
  /** Whether the report still holds: the channel that the agent has, or had last, has said so. Never when not live. */
  readonly isCurrent: boolean;
  /** Whether the outcome that it reported is on the disk, with its log; also where it reported none. */
  readonly isStored: boolean;
  readonly lastContact: string;
  /** Since its last contact, in milliseconds. */
  readonly silentMs: number;
  /** Its IP address, while it is connected. */
  readonly address: string | undefined;
}
