import type { DeployRecord, HostLog, LogGap } from '../../meta/fleet-store.js';
import type { FleetWriteQueue } from './fleet-write-queue.js';
import { boundHistory, type HistoryBounds } from './history-bounds.js';
import type { Admission, Follow, Host } from './host-table.js';

/** The most attempts of one host at one configuration that are kept. */
const MAX_DEPLOYS = 1000;

export interface PersistenceOptions extends LogRoomOptions {
  readonly historySize: HistoryBounds;
}

/** Queues writes of hosts; each writes the state of its host at that time. */
export class FleetPersistence {
  readonly #queue: FleetWriteQueue;
  readonly #bounds: HistoryBounds;
  readonly #room: LogRoom;

  constructor(queue: FleetWriteQueue, options: PersistenceOptions) {
    this.#queue = queue;
    this.#bounds = options.historySize;
    this.#room = new LogRoom(options);
  }

  /** Resolves when a new host name is stored; the other rows are stored soon. @throws DeployError. */
  async admission({ host, isNew, recordChanged, added, removed }: Admission): Promise<void> {
    const name = host.record.host;
    for (const follow of added) this.state(host, follow);
    for (const configuration of removed) {
      this.#queue.later(stateKey(name, configuration), (tx) => tx.deleteHostState(name, configuration));
    }
    if (isNew) await this.#queue.write(hostKey(name), (tx) => tx.putHost(host.record));
    else if (recordChanged) this.#queue.later(hostKey(name), (tx) => tx.putHost(host.record));
  }

  state({ record }: Host, follow: Follow): void {
    const { configuration } = follow;
    this.#queue.later(stateKey(record.host, configuration), (tx) =>
      tx.putHostState({
        host: record.host,
        configuration,
        report: follow.report,
        changed: follow.changed,
        contact: follow.contact,
      }),
    );
  }

  log(host: string, configuration: string, { deploy, lines }: HostLog): void {
    this.#queue.later(`log ${host} ${configuration}`, async (tx) => {
      const log = await this.#room.admit(lines);
      const kept = typeof log === 'string' ? { lines: [], gap: log } : { lines: log };
      await tx.putHostLog(host, configuration, { deploy, ...kept });
    });
  }

  contact(host: string, { configuration, contact }: Follow): void {
    this.#queue.later(`contact ${host} ${configuration}`, (tx) =>
      tx.touchHostState(host, configuration, contact),
    );
  }

  /** Resolves when the deploy is stored, with all states that were queued before. @throws DeployError. */
  deploy(record: DeployRecord, log: readonly string[]): Promise<void> {
    const { host, report } = record;
    return this.#queue.write(
      `deploy ${host} ${report.config} ${report.deploy} ${report.state}`,
      async (tx) => {
        await tx.putDeploy(record, await this.#room.admit(log));
        await tx.trimDeploys(host, report.config, MAX_DEPLOYS);
        await boundHistory(tx, this.#bounds);
      },
    );
  }

  /** Resolves when the rows are deleted. @param configuration undefined for the whole host. @throws DeployError. */
  forget(host: string, configuration: string | undefined): Promise<void> {
    if (configuration === undefined) return this.#queue.write(hostKey(host), (tx) => tx.deleteHost(host));
    return this.#queue.write(stateKey(host, configuration), (tx) => tx.deleteHostState(host, configuration));
  }

  flush(): Promise<void> {
    return this.#queue.flush();
  }
}

function hostKey(host: string): string {
  return `host ${host}`;
}

function stateKey(host: string, configuration: string): string {
  return `state ${host} ${configuration}`;
}

/** Interval between checks of the free space. */
const CHECK_EVERY_MS = 1000;

interface LogRoomOptions {
  /** The disk that the logs are stored on. */
  readonly bytes: { freeBytes(): Promise<number> };
  /** Bytes of the disk that must stay free. */
  readonly minFree: number;
  /** Milliseconds of a clock that nobody sets. */
  readonly steady: () => number;
}

/** Admits logs of deploys while the disk has room: outcomes are more important than their logs. */
class LogRoom {
  readonly #options: LogRoomOptions;
  #checkedAt = Number.NEGATIVE_INFINITY;
  #isLow = false;

  constructor(options: LogRoomOptions) {
    this.#options = options;
  }

  /** @returns the log, or why it is not to be stored. */
  async admit(log: readonly string[]): Promise<readonly string[] | LogGap> {
    if (log.length === 0) return log;
    const now = this.#options.steady();
    if (now - this.#checkedAt >= CHECK_EVERY_MS) {
      this.#isLow = await this.#checkDisk();
      this.#checkedAt = now;
    }
    return this.#isLow ? 'no-space' : log;
  }

  /** Whether the disk is low; false when that is unknown, because a full disk refuses the write anyway. */
  async #checkDisk(): Promise<boolean> {
    const { bytes, minFree } = this.#options;
    try {
      return (await bytes.freeBytes()) < minFree;
    } catch {
      return false;
    }
  }
}
