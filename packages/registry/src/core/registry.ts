import type { MetaStore } from '../meta/meta-store.js';
import type { Clock } from './clock.js';
import type { Configurations } from './configurations.js';
import type { Fleet } from './fleet/fleet.js';
import type { Fsck } from './fsck.js';
import type { Housekeeping } from './housekeeping.js';
import type { Notifier } from './notices/notifier.js';
import type { Tracks } from './tracks/tracks.js';
import type { Versions } from './versions.js';
import type { Watches } from './watch.js';

/**
 * The features that operators' commands use, an object for each. For the command layer alone: a rule of the core takes the ports
 * and features that it uses (test/architecture enforces it).
 */
export interface Registry {
  /** For reads; each change goes through a feature. */
  readonly meta: Pick<MetaStore, 'read'>;
  readonly versions: Versions;
  readonly configurations: Configurations;
  readonly watches: Watches;
  readonly fleet: Fleet;
  readonly tracks: Tracks;
  readonly notices: Notifier;
  readonly housekeeping: Housekeeping;
  readonly fsck: Fsck;
  readonly clock: Clock;
}
