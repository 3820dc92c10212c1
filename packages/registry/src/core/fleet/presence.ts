import type { Turns } from '@deploy-tools/shared/host/turns.js';
import type { RateLimit } from '@deploy-tools/shared/rate-limit.js';
import type { RegistryLine } from '@deploy-tools/shared/report/report.js';
import type { HostKey } from '../../meta/fleet-store.js';
import type { Access } from '../access.js';

/** Who speaks on a channel, as proven by its key. */
export interface Speaker {
  readonly key: HostKey;
  readonly address: string;
  /** The configurations that its hosts may follow. */
  readonly access: Access;
  /** How fast all who have this key are listened to. */
  readonly pace: RateLimit;
  /** Outcomes of all who have this key are stored one at a time. */
  readonly outcomes: Turns;
  /** Why the key may not speak for this host, by the key files; asked again and again, for these may change. */
  readonly refusal: (host: string) => string | undefined;
  /** Whether the key file says that this key and no other speaks for this host. */
  readonly owns: (host: string) => boolean;
}

/** The registry's side of an agent's channel. */
export interface Listener {
  /** Must not throw, and returns soon. */
  readonly tell: (line: RegistryLine) => void;
  /** Refuses whatever comes. */
  readonly end: (reason: string) => void;
}

/** An agent that is connected and has said who it is. */
export interface Presence {
  readonly speaker: Speaker;
  readonly listener: Listener;
  readonly host: string;
  /** What it follows, by its last hello. */
  configs: ReadonlySet<string>;
  /** Whether its hello said that it marks what it tells again. */
  marksAgain: boolean;
  /** Whether its hello said that it knows `cancel`. */
  takesCancel: boolean;
  /** When it last said anything, in milliseconds of the steady clock. */
  heardAt: number;
}
