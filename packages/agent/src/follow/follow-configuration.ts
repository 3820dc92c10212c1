import { type DeployError, describeError, exitCodeOf, toDeployError } from '@deploy-tools/shared/errors.js';
import type { AgentContext } from '../deploy/agent-context.js';
import { type AttemptResult, type Failure, isFailure } from '../deploy/attempt-result.js';
import { deployWanted } from '../deploy/deploy-wanted.js';
import type { Hold } from '../deploy/hold.js';
import { leaveUnproven } from '../deploy/leave-unproven.js';
import { recover, resumeAttempt } from '../deploy/resume-attempt.js';
import { DamagedState } from '../deploy/state-file.js';
import type { Upstream } from '../deploy/upstream.js';
import { Superseded } from '../deploy/wishes.js';
import { askWantedFirst, keepInTouch } from './keep-in-touch.js';
import type { Pushes } from './pushes.js';
import { RepeatedError } from './repeated-error.js';

/** The shortest interval between polls while the registry announces changes. */
const MIN_PUSHED_POLL_MS = 5 * 60_000;

export interface LoopOptions {
  readonly upstream: Upstream;
  readonly pushes: Pushes;
  readonly pollMs: number;
  /** Poll once; the result decides the exit status. */
  readonly once: boolean;
  /** A number from 0 to 1, for jitter. */
  readonly random: () => number;
}

/**
 * Follows the configuration until the signal: polls when the registry announces a change, and at each interval. Logs a failure and
 * retries at the next poll, or sooner after a lost connection.
 * @returns the exit status: 0; with `once` 0 deployed or current, 1 failed or stopped before, 4 not connected.
 */
export async function followConfiguration(context: AgentContext, options: LoopOptions): Promise<number> {
  return await new FollowLoop(context, options).run();
}

class FollowLoop {
  readonly #context: AgentContext;
  readonly #options: LoopOptions;
  readonly #errors = new RepeatedError();
  /** The last reason to wait that was logged. */
  #loggedWait = '';

  constructor(context: AgentContext, options: LoopOptions) {
    this.#context = context;
    this.#options = options;
  }

  async run(): Promise<number> {
    const { signal } = this.#context;
    const { upstream, once } = this.#options;
    signal.addEventListener('abort', () => upstream.drop('cancelled'), { once: true });
    if (!(await this.#recover())) return once ? 1 : 0;
    while (!signal.aborted) {
      const result = await this.#poll();
      if (isFailure(result) && isOfStop(result, signal)) break;
      if (isFailure(result)) this.#takeFailure(result);
      else this.#takeSuccess(result);
      if (once) return exitStatusOf(result);
      await this.#wait(result);
    }
    return once ? 1 : 0;
  }

  /** @returns false when the signal ended it early. */
  async #recover(): Promise<boolean> {
    try {
      await recover(this.#context);
      return true;
    } catch (thrown) {
      if (!this.#context.signal.aborted) throw thrown;
      return false;
    }
  }

  /** Resumes an interrupted attempt, then polls once and deploys. No error ends the loop, and with it the supervised program. */
  async #poll(): Promise<AttemptResult> {
    const leave = this.#options.once ? () => {} : keepInTouch(this.#context, this.#options);
    try {
      const result = await this.#deploy().catch(asFailure);
      return (await this.#leaveAfter(result).catch(asFailure)) ?? result;
    } finally {
      leave();
    }
  }

  async #deploy(): Promise<AttemptResult> {
    const { upstream, once } = this.#options;
    return (await this.#resume()) ?? (await deployWanted(this.#context, upstream, once));
  }

  /** Rolls back an unproven release, where the result says that no other one replaces it now. */
  async #leaveAfter(result: AttemptResult): Promise<undefined> {
    const error = isFailure(result) ? result.error : undefined;
    const isLeft = result.kind === 'waiting' || (error !== undefined && !(error instanceof Superseded));
    if (isLeft) await leaveUnproven(this.#context, this.#options.upstream, error);
    return undefined;
  }

  /**
   * Resumes the attempt that another agent left. Its failure is reported, but does not keep the wanted release from being deployed.
   * @returns the failure that keeps the attempt in flight or ends the loop; undefined to poll now.
   */
  async #resume(): Promise<Failure | undefined> {
    const { upstream, once } = this.#options;
    const context = this.#context;
    const wanted = await askWantedFirst(context, upstream);
    const result = await resumeAttempt(context, upstream, { wanted, isImpatient: once }).catch(asFailure);
    if (result === undefined || !isFailure(result)) return undefined;
    const { error } = result;
    const isEnd = once && !(error instanceof Superseded);
    if (isEnd || error.kind === 'cancelled' || context.ledger.inFlight !== undefined) return result;
    this.#report(error, false);
    return undefined;
  }

  #takeSuccess(result: Exclude<AttemptResult, Failure>): void {
    const { onTrouble, log } = this.#context;
    onTrouble(undefined);
    this.#errors.clear();
    this.#loggedWait = this.#logWait(result);
    if (this.#options.once && result.kind === 'current')
      log.info({ hash: result.hash }, 'current: there is nothing to do');
  }

  #takeFailure({ error }: Failure): void {
    this.#report(error, true);
    if (!this.#isKnown(error)) this.#context.onTrouble(error);
    if (!this.#options.once && isOfConnection(error)) this.#options.upstream.drop(error.kind);
  }

  /** Waits until the next poll. */
  async #wait(result: AttemptResult): Promise<void> {
    const { upstream, pushes } = this.#options;
    const { signal } = this.#context;
    const retryAfterMs = isFailure(result) ? upstream.retryAfterMs() : undefined;
    if (isFailure(result) && retryAfterMs === undefined && result.error.kind === 'connect') {
      await pushes.sleep(upstream.redialMs(), signal);
      return;
    }
    const seen = isFailure(result) ? undefined : result.hash;
    const pause = isFailure(result) ? (retryAfterMs ?? this.#jittered()) : this.#pauseAfter(result);
    if ((await pushes.wait(pause, seen, signal)) !== 'lost') return;
    upstream.drop('connect');
    await pushes.sleep(upstream.redialMs(), signal);
  }

  /** Polls are rare while the registry announces changes, except for the first one after a deployment. */
  #pauseAfter(result: Exclude<AttemptResult, Failure>): number {
    const { pushes, pollMs } = this.#options;
    const isRare = pushes.working && result.kind !== 'deployed';
    const pause = this.#jittered(isRare ? Math.max(pollMs, MIN_PUSHED_POLL_MS) : pollMs);
    return result.kind === 'waiting' ? Math.min(pause, result.ms) : pause;
  }

  /** Varies the interval by a tenth, so that agents that were started together drift apart. */
  #jittered(ms = this.#options.pollMs): number {
    return ms * (0.9 + 0.2 * this.#options.random());
  }

  /** Logs why this host waits: at info level when the reason is a new one. @returns the reason, empty for none. */
  #logWait(result: Exclude<AttemptResult, Failure>): string {
    const { log, ledger, pause } = this.#context;
    const { hash } = result;
    if (result.kind === 'current') log.debug({ hash }, 'nothing new');
    if (result.kind !== 'waiting') return '';
    const { hold } = ledger.journal;
    if (ledger.inFlight?.step === 'rolling-back') return ''; // It was logged when it was postponed.
    const why = pause.paused ? 'paused' : result.isDelayed ? 'delayed' : hold?.why;
    const seconds = Number.isFinite(result.ms) ? Math.ceil(result.ms / 1000) : undefined;
    const words = waitingFor(why);
    const retry = why === 'rejected' || why === 'withdrawn' ? 'deploy-agent ctl retry' : undefined;
    const reason = `${hash} ${words} ${hold?.notBefore}`;
    log[reason === this.#loggedWait ? 'debug' : 'info']({ hash, seconds, retry, pause: pause.note }, words);
    return reason;
  }

  /** Whether an error is reported anyway, as a lost connection and an attempt's error are, or is no trouble, as another wish. */
  #isKnown(error: DeployError): boolean {
    return error.kind === 'connect' || error instanceof Superseded || this.#isOfAttempt(error);
  }

  #isOfAttempt({ message }: DeployError): boolean {
    return this.#context.ledger.journal.attempt?.error?.message === message;
  }

  /** @param isRepeated whether each poll may end with this error: then it is logged ever less often. */
  #report(error: DeployError, isRepeated: boolean): void {
    const { log } = this.#context;
    if (error instanceof Superseded) {
      log.info({ wanted: error.by }, describeError(error));
      return;
    }
    const { kind, message } = error;
    const isCounted = isRepeated && !this.#isOfAttempt(error);
    const isDue = !isCounted || this.#errors.isDue(message);
    const times = isCounted && this.#errors.count > 1 ? this.#errors.count : undefined;
    log[isDue ? 'error' : 'debug']({ kind, times }, describeError(error));
    if (kind === 'internal') log.error({ err: error.cause ?? error }, 'unexpected error');
  }
}

/** The result for an error that could not be written to the journal, such as that of a full disk. */
function asFailure(thrown: unknown): Failure {
  return { kind: 'interrupted', error: toDeployError(thrown) };
}

function isOfStop({ error }: Failure, signal: AbortSignal): boolean {
  return error.kind === 'cancelled' || (signal.aborted && error.kind === 'connect');
}

function exitStatusOf(result: AttemptResult): number {
  if (isFailure(result)) return exitCodeOf(result.error);
  return result.kind === 'waiting' ? 1 : 0;
}

function waitingFor(why: Hold['why'] | 'paused' | 'delayed' | undefined): string {
  if (why === 'paused') return 'paused by an operator on this host, waiting';
  if (why === 'delayed') return 'the random delay is not over, waiting';
  if (why === 'withdrawn') return 'rolled back by an operator on this host, waiting';
  return why === 'vetoed' ? 'not now, waiting' : 'failed before, waiting';
}

/** Whether another connection may help. */
function isOfConnection(error: DeployError): boolean {
  return ['connect', 'auth', 'corrupt'].includes(error.kind) && !(error instanceof DamagedState);
}
