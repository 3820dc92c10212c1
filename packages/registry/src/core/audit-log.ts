import { joinCommandLine } from '@deploy-tools/shared/cli/command-line.js';
import { describeError } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { AuditRecord, MetaStore } from '../meta/meta-store.js';
import { type Clock, timestamp } from './clock.js';

export type AuditEntry = Omit<AuditRecord, 'time'>;

/** Records commands, uploads and the acts of tracks, with their authors and results. */
export class AuditLog {
  readonly #meta: Pick<MetaStore, 'write'>;
  readonly #clock: Clock;

  constructor({ meta, clock }: { readonly meta: Pick<MetaStore, 'write'>; readonly clock: Clock }) {
    this.#meta = meta;
    this.#clock = clock;
  }

  /**
   * Appends an entry with the present time. Never rejects: the recorded act is done in any case.
   * @param log gets the failure.
   * @returns why the entry could not be stored; undefined when it was.
   */
  async append(entry: AuditEntry, log: Logger): Promise<string | undefined> {
    try {
      await this.#meta.write((tx) => tx.appendAudit({ ...entry, time: timestamp(this.#clock) }));
      return undefined;
    } catch (error) {
      const reason = describeError(error);
      log.error({ err: reason }, 'the audit log cannot be written');
      return reason;
    }
  }
}

/** Milliseconds since a time of performance.now(), rounded to a tenth. */
export function elapsedMs(started: number): number {
  return Math.round((performance.now() - started) * 10) / 10;
}

/** The command line of a record, quoted for a shell. Where the line could not be split, the record has no command, and the whole line as its only argument. */
export function auditedLine({ command, args }: Pick<AuditRecord, 'command' | 'args'>): string {
  return command === '' ? args.join(' ') : joinCommandLine([command, ...args]);
}
