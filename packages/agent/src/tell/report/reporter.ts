import type { Connection } from '@deploy-tools/shared/client/connection.js';
import { describeError, isDeployError } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import { isOutcome } from '@deploy-tools/shared/report/deploy-state.js';
import type { RegistryLine } from '@deploy-tools/shared/report/registry-line.js';
import type { Hello, StateReport } from '@deploy-tools/shared/report/report.js';
import type { OutcomeStore } from './outcome-store.js';
import { openReportChannel, type ReportChannel } from './report-channel.js';

/** Between two lines while there is nothing to report. */
const HEARTBEAT_MS = 10_000;
/** Between two reports of a download's progress, or of the checks' answers. */
const PROGRESS_MS = 1000;
/** Before the channel is opened again, when the registry has ended it but not the connection. */
const REOPEN_MS = 60_000;

/** A configuration that is reported. */
export interface ReportedConfig {
  readonly present: () => StateReport;
  /** An operator asks for a retry. */
  readonly onRetry: () => void;
  /** An operator cancels the deployment in progress. @returns the consequence, in a sentence. @throws DeployError conflict. */
  readonly onCancel: (by: string) => string;
}

export interface ReporterOptions {
  readonly hello: Omit<Hello, 'configs'>;
  /** By name. */
  readonly configs: ReadonlyMap<string, ReportedConfig>;
  readonly outcomes: OutcomeStore;
  readonly log: Logger;
}

/**
 * Reports to the registry, over the agent's connection. It never delays the agent: without a registry that takes reports, or with a slow
 * one, it drops all but outcomes, which it keeps for later.
 */
export class Reporter {
  readonly #options: ReporterOptions;
  #hello: ReporterOptions['hello'];
  #connection: Connection | undefined;
  #channel: ReportChannel | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #reopen: NodeJS.Timeout | undefined;
  #progress: NodeJS.Timeout | undefined;
  readonly #progressing = new Set<string>();
  #behind = false;
  #refusal: string | undefined;
  #onSettled = () => {};

  constructor(options: ReporterOptions) {
    this.#options = options;
    this.#hello = options.hello;
  }

  /** Reports over this connection in place of the previous one; undefined for none. */
  follow(connection: Connection | undefined): void {
    this.#leave();
    this.#connection = connection;
    if (connection !== undefined) this.#open(connection);
  }

  /** Greets the registry again, because configurations or labels have changed. */
  renew(hello: ReporterOptions['hello']): void {
    this.#hello = hello;
    if (this.#channel !== undefined) this.#greet(this.#channel);
  }

  /** Reports a configuration that has changed. An outcome is kept until the registry has stored it. */
  changed(config: string): void {
    const report = this.#options.configs.get(config)?.present();
    if (report === undefined) return;
    if (isOutcome(report.state) && report.deploy !== undefined) this.#keep(report);
    this.#say(report);
  }

  /** Reports the progress of a download or another answer of a check, at intervals. */
  progressed(config: string): void {
    if (this.#channel === undefined) return;
    this.#progressing.add(config);
    if (this.#progress !== undefined) return;
    const tell = () => {
      this.#progress = undefined;
      for (const name of this.#progressing) {
        const report = this.#options.configs.get(name)?.present();
        if (report !== undefined && !isOutcome(report.state)) this.#say(report); // `changed` reports outcomes.
      }
      this.#progressing.clear();
    };
    this.#progress = setTimeout(tell, PROGRESS_MS).unref();
  }

  /** Resolves when the registry has stored every outcome or takes no reports, or the time is up. */
  async settled(ms: number): Promise<void> {
    if (this.#isSettled()) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#onSettled = () => {
        if (!this.#isSettled()) return;
        clearTimeout(timer);
        resolve();
      };
    });
  }

  close(): void {
    this.#leave();
    this.#connection = undefined;
  }

  #isSettled(): boolean {
    return this.#channel === undefined || this.#owed().length === 0;
  }

  /** Outcomes to report. Those of configurations that are not followed any more wait: the registry refuses them. */
  #owed(): StateReport[] {
    const { outcomes, configs } = this.#options;
    return outcomes.list().filter(({ config }) => configs.has(config));
  }

  #open(connection: Connection): void {
    const channel = openReportChannel(
      connection,
      (line) => this.#hear(line),
      () => this.#catchUp(),
    );
    this.#channel = channel;
    channel.ended.then(
      (status) =>
        this.#ended(channel, () => this.#options.log.debug({ status }, 'the registry ended the report')),
      (error: unknown) => this.#ended(channel, () => this.#explain(error)),
    );
    this.#greet(channel);
    this.#heartbeat = setInterval(() => channel.say({ type: 'heartbeat' }), HEARTBEAT_MS).unref();
  }

  #greet(channel: ReportChannel): void {
    const configs = [...this.#options.configs.keys()];
    channel.say({ type: 'hello', hello: { ...this.#hello, configs, features: ['again', 'cancel'] } });
    this.#reportAll();
  }

  /** Reports the outcomes that are not stored yet, in their order, and the present state last. */
  #reportAll(): void {
    for (const report of this.#owed()) this.#say({ ...report, again: true });
    for (const { present } of this.#options.configs.values()) this.#say(present());
  }

  #say(report: StateReport): void {
    if (this.#channel === undefined) return;
    if (!this.#channel.say({ type: 'state', report })) this.#behind = true;
    this.#heartbeat?.refresh();
  }

  #catchUp(): void {
    if (!this.#behind) return;
    this.#behind = false;
    this.#reportAll();
  }

  #hear(line: RegistryLine): void {
    const { log, outcomes, configs } = this.#options;
    switch (line.type) {
      case 'welcome':
        this.#refusal = undefined;
        log.debug({ host: line.host }, 'the registry takes reports');
        return;
      case 'refused':
        this.#complain(line.error);
        return;
      case 'ack':
        outcomes.remove(line.deploy);
        this.#onSettled();
        return;
      case 'retry':
        log.info({ configuration: line.config }, 'an operator asked for a retry');
        configs.get(line.config)?.onRetry();
        return;
      case 'cancel':
        this.#cancel(line.config, line.by);
        return;
      case 'heartbeat':
        return;
    }
  }

  #cancel(configuration: string, by: string): void {
    const { configs, log } = this.#options;
    try {
      configs.get(configuration)?.onCancel(by);
    } catch (error) {
      log.info(
        { configuration, by, err: describeError(error) },
        'an operator asked to cancel, which is not possible',
      );
    }
  }

  #keep(report: StateReport): void {
    try {
      this.#options.outcomes.add(report);
    } catch (error) {
      this.#options.log.warn(
        { err: describeError(error) },
        'cannot write the outcome that the registry has not stored yet',
      );
    }
  }

  #ended(channel: ReportChannel, explain: () => void): void {
    if (this.#channel !== channel) return;
    explain();
    const connection = this.#connection;
    this.#leave();
    this.#onSettled();
    if (connection === undefined) return;
    const again = () => this.#connection === connection && this.#open(connection);
    this.#reopen = setTimeout(again, REOPEN_MS).unref();
  }

  #explain(error: unknown): void {
    if (isDeployError(error, 'connect')) return; // The loop reports it.
    this.#complain(
      isDeployError(error, 'unsupported') ? 'it does not support reports' : describeError(error),
    );
  }

  /** Each reason is logged once. */
  #complain(reason: string): void {
    if (this.#refusal === reason) return;
    this.#refusal = reason;
    this.#options.log.info({ reason }, 'the registry takes no reports of this host');
  }

  #leave(): void {
    clearInterval(this.#heartbeat);
    clearTimeout(this.#reopen);
    clearTimeout(this.#progress);
    this.#progress = undefined;
    this.#progressing.clear();
    const channel = this.#channel;
    this.#channel = undefined;
    this.#behind = false;
    channel?.end();
  }
}
