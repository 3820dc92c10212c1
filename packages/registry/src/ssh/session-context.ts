import type { Logger } from '@deploy-tools/shared/log.js';
import type { Speaker } from '../core/fleet/presence.js';
import type { Outbound } from '../sftp/outbound.js';
import type { Handles } from '../sftp/request-handler.js';
import type { TransferMemory } from '../sftp/transfer-memory.js';
import type { Activity } from './activity.js';
import type { SessionPlace } from './session-place.js';

/** What a session has of its connection. */
export interface SessionContext {
  readonly log: Logger;
  readonly activity: Activity;
  readonly outbound: Outbound;
  readonly memory: TransferMemory;
  /** What the peer's key may open over SFTP. */
  readonly handles: Handles;
  /** Who reports, when the peer is an agent that does. */
  readonly speaker: Speaker;
  readonly place: SessionPlace;
}
