import type { Socket } from 'node:net';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { Speaker } from '../core/fleet/presence.js';
import type { TransferMemory } from '../sftp/transfer-memory.js';
import type { Activity } from './activity.js';

/** What a session has of its connection. */
export interface SessionContext {
  readonly log: Logger;
  readonly activity: Activity;
  /** For its backpressure, which ssh2 does not look at. */
  readonly socket: Socket;
  readonly memory: TransferMemory;
  /** Who reports, when the peer is an agent that does. */
  readonly speaker: Speaker;
}
