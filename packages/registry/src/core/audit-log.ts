import { joinCommandLine } from '@deploy-tools/shared/cli/command-line.js';
import { describeError } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { AuditRecord, MetaStore } from '../meta/meta-store.js';
import { type Clock, timestamp } from './clock.js';

export type AuditEntry = Omit<AuditRecord, 'time'>;

/** Records who changed or tried to change what: commands, uploads, and what tracks do by themselves. */
export class AuditLog {
  readonly #meta: Pick<MetaStore, 'write'>;
  readonly #clock: Clock;

  constructor({ meta, clock }: { readonly meta: Pick<MetaStore, 'write'>; readonly clock: Clock }) {
    this.#meta = meta;
    this.#clock = clock;
  }

  /**
   * Appends an entry, with the time now. Never rejects: what was done stays done, whether or not it can be recorded.
   * @param log gets the failure.
   * @returns why the entry is not stored; undefined when it is.
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

/** Milliseconds since a time of performance.now(), as the audit log keeps them: to a tenth. */
export function elapsedMs(started: number): number {
  return Math.round((performance.now() - started) * 10) / 10;
}

/** The command line of a record, as a shell takes it; one that could not be split is kept whole as the only argument. */
export function auditedLine({ command, args }: Pick<AuditRecord, 'command' | 'args'>): string {
  return command === '' ? args.join(' ') : joinCommandLine([command, ...args]);
}
