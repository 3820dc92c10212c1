import type { Turns } from '@deploy-tools/shared/host/turns.js';
import type { RateLimit } from '@deploy-tools/shared/rate-limit.js';
import type { RegistryLine } from '@deploy-tools/shared/report/registry-line.js';
import type { AgentKey } from '../../meta/fleet-store.js';
import type { Access } from '../access.js';

/** The rights of the agent on a channel, as proven by its key. */
export interface Speaker {
  readonly key: AgentKey;
  readonly address: string;
  /** The configurations that its hosts may follow. */
  readonly access: Access;
  /** Limits the lines of all agents with this key. */
  readonly pace: RateLimit;
  /** Outcomes of all agents with this key are stored one at a time. */
  readonly outcomes: Turns;
  /** Why the present key files do not let the key speak for a host; undefined when they do. */
  readonly refusal: (host: string) => string | undefined;
  /** Whether the key file binds a host to this key. */
  readonly owns: (host: string) => boolean;
}

/** The registry's side of an agent's channel. */
export interface Listener {
  /** Must not throw, and returns soon. */
  readonly tell: (line: RegistryLine) => void;
  /** Ends the channel: further lines are refused. */
  readonly end: (reason: string) => void;
}

/** An agent that is connected and has sent its hello. */
export interface Presence {
  readonly speaker: Speaker;
  readonly listener: Listener;
  readonly host: string;
  /** The configurations of its last hello. */
  configs: ReadonlySet<string>;
  /** Whether its hello says that it marks repeated outcomes. */
  marksAgain: boolean;
  /** Whether its hello says that it knows `cancel`. */
  takesCancel: boolean;
  /** The time of its last line, in milliseconds of the steady clock. */
  heardAt: number;
}
