import type { SftpClient } from '@deploy-tools/shared/client/sftp-client.js';
import { describeError } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import { PackFiles } from './pack-files.js';
import type { Sessions } from './sessions.js';

interface Lane {
  readonly packs: PackFiles;
  /** Undefined for the first, whose session the caller ends. */
  readonly session: SftpClient | undefined;
  bytes: number;
}

/**
 * Reads packs over several sessions of one connection. An SSH channel takes 2 MiB ahead (ssh2), which at a round
 * trip of 50 ms is 40 MB/s at the most; three of them fill most links.
 */
export class PackLanes {
  readonly #sessions: Sessions;
  readonly #log: Logger;
  readonly #lanes: Lane[];
  #opening: Promise<void>[] = [];
  #closed = false;

  constructor(sessions: Sessions, packs: PackFiles, log: Logger) {
    this.#sessions = sessions;
    this.#log = log;
    this.#lanes = [{ packs, session: undefined, bytes: 0 }];
  }

  /** Opens more lanes. Reads meanwhile use the open ones. */
  widen(count: number): void {
    for (let more = 0; more < count; more++) this.#opening.push(this.#open());
  }

  /** Fills `target` with the bytes of a pack from `offset` on, over the least busy lane. */
  async readInto(hash: string, target: Uint8Array, offset: number): Promise<void> {
    const lane = this.#lanes.reduce((best, other) => (other.bytes < best.bytes ? other : best));
    lane.bytes += target.length;
    try {
      await lane.packs.readInto(hash, target, offset);
    } finally {
      lane.bytes -= target.length;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#opening);
    for (const { session } of this.#lanes.splice(1)) session?.end();
  }

  /** Opens a lane, if the registry allows one more session. */
  async #open(): Promise<void> {
    try {
      const session = await this.#sessions.another();
      if (this.#closed) session.end();
      else this.#lanes.push({ packs: new PackFiles(session), session, bytes: 0 });
    } catch (error) {
      this.#log.debug({ err: describeError(error) }, 'no further session for fetching');
    }
  }
}
