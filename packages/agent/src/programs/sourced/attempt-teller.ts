import type { DeployNotice } from '@deploy-tools/notices/notice.js';
import type { Notifier } from '@deploy-tools/notices/notifier.js';
import { describeError } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import { isOutcome } from '@deploy-tools/shared/report/deploy-state.js';
import type { ShippedReport, Source } from '@deploy-tools/sources/source.js';
import type { Attempt, Journal } from '../../deploy/journal.js';

interface TellerOptions {
  readonly name: string;
  readonly host: string;
  readonly command: ShippedReport['command'];
  /** Gets a report of each attempt; undefined for none. */
  readonly source: Source | undefined;
  /** Notifies receivers; undefined without any. */
  readonly notifier: Notifier | undefined;
  readonly clock: () => Date;
  readonly log: Logger;
}

const EVENTS = {
  healthy: 'deploy-succeeded',
  failed: 'deploy-failed',
  inconsistent: 'deploy-failed',
  'rolled-back': 'deploy-rolled-back',
} as const;

/** Notifies the source and the receivers when an attempt begins and when it ends. */
export class AttemptTeller {
  readonly #options: TellerOptions;
  readonly #stop = new AbortController();
  readonly #reports = new Set<Promise<void>>();
  #begun: string | undefined;
  #ended: string | undefined;

  /** @param journal of the agent before this one, which has announced the attempts that had ended. */
  constructor(options: TellerOptions, { attempt }: Journal) {
    this.#options = options;
    this.#begun = attempt?.deploy;
    if (attempt !== undefined && isOutcome(attempt.step)) this.#ended = attempt.deploy;
  }

  /** Called after each change of the journal. */
  look({ attempt }: Journal): void {
    if (attempt === undefined) return;
    if (attempt.deploy !== this.#begun) {
      this.#begun = attempt.deploy;
      this.#notify(attempt, 'deploy-started');
    }
    if (!isOutcome(attempt.step) || attempt.deploy === this.#ended) return;
    this.#ended = attempt.deploy;
    if (attempt.step !== 'rolled-back' || attempt.byHand !== true) this.#report(attempt);
    this.#notify(attempt, EVENTS[attempt.step]);
  }

  /** Waits for announcements under way, at most until the deadline. */
  async close(deadlineMs: number): Promise<void> {
    const timer = setTimeout(() => this.#stop.abort(), deadlineMs);
    await Promise.all(this.#reports);
    clearTimeout(timer);
    await this.#options.notifier?.close(deadlineMs);
  }

  #report({ config, step, error }: Attempt): void {
    const { source, command, host, clock, log } = this.#options;
    const tag = tagOf(config);
    const failure = step === 'healthy' ? undefined : (error?.message ?? step);
    const shipped = { tag, command, host, time: clock().toISOString(), error: failure };
    const done = source?.report?.(shipped, this.#stop.signal).catch((thrown: unknown) => {
      log.warn({ tag, err: describeError(thrown) }, 'the source takes no note of the deployment');
    });
    if (done === undefined) return;
    this.#reports.add(done);
    void done.finally(() => this.#reports.delete(done));
  }

  #notify({ config, error }: Attempt, event: DeployNotice['event']): void {
    const { name, host, notifier, clock } = this.#options;
    const isOver = event !== 'deploy-started';
    notifier?.tell({
      event,
      time: clock().toISOString(),
      configuration: name,
      revision: 0,
      release: tagOf(config),
      hosts: 1,
      done: isOver ? 1 : 0,
      named: error === undefined ? [] : [{ host, reason: error.message }],
      ...(error === undefined ? {} : { error }),
    });
  }
}

function tagOf({ layers }: Attempt['config']): string {
  return layers[0]?.version ?? '';
}
