import type { DeployRecord, HostLog } from '../../meta/fleet-store.js';
import type { FleetJournal } from './fleet-journal.js';
import type { Admission, Follow, Host } from './roster.js';

/** Attempts of one host at one configuration that are kept, however many it tells of. */
const MAX_DEPLOYS = 1000;

/** Writes down what is known of hosts, as it is when it is written. */
export class FleetBook {
  readonly #journal: FleetJournal;

  constructor(journal: FleetJournal) {
    this.#journal = journal;
  }

  /** A name that is new is kept before this resolves; the rest follows soon. @throws DeployError. */
  async admission({ host, isNew, recordChanged, added, removed }: Admission): Promise<void> {
    const name = host.record.host;
    for (const follow of added) this.state(host, follow);
    for (const configuration of removed) {
      this.#journal.later(stateKey(name, configuration), (tx) => tx.deleteHostState(name, configuration));
    }
    if (isNew) await this.#journal.write(hostKey(name), (tx) => tx.putHost(host.record));
    else if (recordChanged) this.#journal.later(hostKey(name), (tx) => tx.putHost(host.record));
  }

  state({ record }: Host, follow: Follow): void {
    const { configuration } = follow;
    this.#journal.later(stateKey(record.host, configuration), (tx) =>
      tx.putHostState({
        host: record.host,
        configuration,
        report: follow.report,
        changed: follow.changed,
        contact: follow.contact,
      }),
    );
  }

  log(host: string, configuration: string, log: HostLog): void {
    this.#journal.later(`log ${host} ${configuration}`, (tx) => tx.putHostLog(host, configuration, log));
  }

  contact(host: string, { configuration, contact }: Follow): void {
    this.#journal.later(`contact ${host} ${configuration}`, (tx) =>
      tx.touchHostState(host, configuration, contact),
    );
  }

  /** Resolves when it is stored, with the state that was noted before. @throws DeployError. */
  deploy(record: DeployRecord, log: readonly string[]): Promise<void> {
    const { host, report } = record;
    return this.#journal.write(
      `deploy ${host} ${report.config} ${report.deploy} ${report.state}`,
      async (tx) => {
        await tx.putDeploy(record, log);
        await tx.trimDeploys(host, report.config, MAX_DEPLOYS);
      },
    );
  }

  /** Resolves when it is done. @param configuration undefined for the whole host. @throws DeployError. */
  forget(host: string, configuration: string | undefined): Promise<void> {
    if (configuration === undefined) return this.#journal.write(hostKey(host), (tx) => tx.deleteHost(host));
    return this.#journal.write(stateKey(host, configuration), (tx) =>
      tx.deleteHostState(host, configuration),
    );
  }

  flush(): Promise<void> {
    return this.#journal.flush();
  }
}

function hostKey(host: string): string {
  return `host ${host}`;
}

function stateKey(host: string, configuration: string): string {
  return `state ${host} ${configuration}`;
}
