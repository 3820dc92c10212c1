import { randomBytes } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { writeFileAtomic } from '@deploy-tools/shared/host/atomic-file.js';
import { withoutUndefined } from '@deploy-tools/shared/json/json-schemas.js';
import { isOver, nextStep, type StepEvent } from './deploy-step.js';
import {
  type Blame,
  failuresOf,
  forGood,
  type Hold,
  holdAfter,
  isSameRevision,
  vetoed,
  withdrawn,
} from './hold.js';
import {
  type Attempt,
  type Journal,
  type Live,
  liveAfter,
  liveRelease,
  withLive,
  withProven,
} from './journal.js';
import { encodeJournal, type JournalPaths, readJournal } from './journal-file.js';
import { postponed } from './postponed-rollback.js';

export interface LedgerOptions extends JournalPaths {
  readonly clock: () => Date;
  /** The content of state.json. */
  readonly lastGood: () => AgentConfig | undefined;
  /** Called after each change that is worth a report. Must not throw. */
  readonly onChange?: () => void;
}

/** A rollback that an operator on the host asked for. */
export interface RollbackByHand {
  /** The running release, or the one that failed. */
  readonly from: AgentConfig;
  readonly to: AgentConfig;
  /** The operator, for people to read. */
  readonly by?: string | undefined;
  /** The wanted configuration, where it is known: it is held until an operator says retry, whether or not it runs. */
  readonly wanted?: AgentConfig | undefined;
}

type StepFacts = Pick<Attempt, 'unpackedIn' | 'activated' | 'error'> & Blame;

/** Writes the journal of a configuration: each step atomically and durably, before it is taken. */
export class Ledger {
  readonly #options: LedgerOptions;
  #journal: Journal;

  /** @throws DeployError corrupt for a damaged journal: without it nobody knows what runs. */
  constructor(options: LedgerOptions) {
    this.#options = options;
    this.#journal = withLive(readJournal(options), options.lastGood());
    if (existsSync(options.path)) rmSync(options.attemptsPath, { force: true });
  }

  get journal(): Journal {
    return this.#journal;
  }

  /** The attempt in flight, or else the last one. @throws DeployError internal before the first attempt. */
  get attempt(): Attempt {
    return required(this.#journal.attempt, 'no attempt was begun');
  }

  /** The attempt that is not over. */
  get inFlight(): Attempt | undefined {
    const { attempt } = this.#journal;
    return attempt === undefined || isOver(attempt.step) ? undefined : attempt;
  }

  /**
   * Begins an attempt, or continues one that was interrupted before its activation.
   * @param before the live release, which scripts get as the old one.
   */
  begin(config: AgentConfig, before: AgentConfig | undefined): void {
    const { attempt, hold, unpacked, again } = this.#journal;
    const same = attempt !== undefined && isSameRevision(attempt.config, config) ? attempt : undefined;
    const isAgain = again === config.hash;
    const isRetry = isAgain || (hold?.retry === true && isSameRevision(hold, config));
    this.#change({
      again: isAgain ? again : undefined,
      attempt: withoutUndefined({
        deploy: same?.step === 'pending' ? same.deploy : newDeployId(),
        step: 'pending' as const,
        since: this.#now(),
        reason: isRetry ? ('retry' as const) : ('deploy' as const),
        number: failuresOf(hold, config) + 1,
        config,
        before,
        unpackedIn: same?.unpackedIn ?? (unpacked?.hash === config.hash ? unpacked.in : undefined),
      }),
    });
  }

  /** Records a step of the attempt in flight. @throws DeployError internal where the attempt cannot take it. */
  step(event: StepEvent, { isHeld, isSuperseded, ...facts }: StepFacts = {}): void {
    const { postponed: last, ...attempt } = this.#requireInFlight();
    const left = event === 'activate' ? { left: attempt.left ?? this.#live() ?? null } : {};
    const isJudged = event === 'roll-back' && attempt.step !== 'rolling-back';
    const next: Attempt = {
      ...attempt,
      ...facts,
      ...left,
      ...(event === 'roll-back' && last !== undefined ? { postponed: last } : {}),
      ...(isJudged ? { judged: true as const } : {}),
      step: nextStep(attempt.step, event),
      since: this.#now(),
    };
    const blame = { isHeld, isSuperseded };
    const hold = this.#holdAfter(isJudged ? 'fail' : event, isJudged ? attempt : next, blame);
    this.#advance(next, hold, liveAfter(this.#journal, event, next));
  }

  /**
   * Begins a rollback from a live, unproven release, because the one that was to replace it failed or has to wait.
   * @param blame for the revision of the last attempt, where that fails by this; undefined where it does not.
   */
  leave({ config: leaving }: Live, error: NonNullable<Attempt['error']>, blame?: Blame): void {
    const { attempt } = this;
    const step = nextStep(attempt.step, 'roll-back');
    const hold = blame === undefined ? this.#journal.hold : this.#holdAfter('fail', attempt, blame);
    this.#advance({ error, ...attempt, step, since: this.#now(), leaving, judged: true }, hold);
  }

  /** Records that an operator cancelled the attempt in flight, for the next agent. */
  cancel(by: string): void {
    this.#change({ attempt: { ...this.#requireInFlight(), cancelledBy: by } });
  }

  /** Records the progress of the rollback in flight: its script is about to run, or its program is in charge. */
  returning(to: AgentConfig, how: 'activating' | 'activated'): void {
    const { config } = this.#requireInFlight();
    this.#change({ live: { config: to, how, since: this.#now(), before: config } });
  }

  /** Records that the rollback in flight is done and proven. state.json may not say so yet. */
  arrived(): void {
    this.#change({ attempt: { ...this.#requireInFlight(), arrived: true } });
  }

  /** Ends the rollback in flight, once state.json holds its release. */
  restored(to: AgentConfig): void {
    const { postponed: _, ...attempt } = this.#requireInFlight();
    const next: Attempt = { ...attempt, step: nextStep(attempt.step, 'restore'), since: this.#now() };
    const { proven = [] } = this.#journal;
    // A later rollback must not lead to a release that an operator rolled back.
    const good = proven.filter(({ hash }) => attempt.byHand !== true || hash !== attempt.config.hash);
    const live: Live = { config: to, how: 'proven', since: next.since };
    this.#advance(next, this.#holdAfter('restore', next), { live, proven: withProven(good, to) });
  }

  /**
   * Records a veto of the host: what was live still is, and the host is asked again in a minute.
   * @param reason which hook or script vetoed the deployment, and the last line that it printed.
   */
  veto(reason?: string): void {
    const { config, step, left, ...attempt } = this.#requireInFlight();
    const live = left === undefined ? this.#journal.live : (left ?? undefined);
    const veto = vetoed(this.#journal.hold, config, this.#options.clock());
    this.#change({
      live,
      attempt: { ...attempt, config, step: nextStep(step, 'interrupt'), since: this.#now() },
      hold: reason === undefined ? veto : { ...veto, reason },
    });
  }

  /** Postpones the rollback in flight, which failed for a reason that is no fault of a release. @param message that reason. */
  postpone(message: string): void {
    const attempt = this.#requireInFlight();
    const next = postponed(attempt.postponed, message, this.#options.clock());
    this.#change({ attempt: { ...attempt, postponed: next } });
  }

  /** Ends the wait before the next try, as an operator asked. @returns false when nothing waits. */
  retry(): boolean {
    const { attempt, hold } = this.#journal;
    if (attempt?.step === 'rolling-back') {
      if (attempt.postponed === undefined) return false;
      const now = { ...attempt.postponed, notBefore: this.#now() };
      this.#change({ attempt: { ...attempt, postponed: now } });
      return true;
    }
    if (hold === undefined) return false;
    this.#change({ hold: { ...hold, retry: true } });
    return true;
  }

  /** Replaces the backoff of a failure by a hold that only an operator's retry ends. @returns false when nothing waits. */
  holdForGood(): boolean {
    const { hold } = this.#journal;
    if (hold?.why !== 'rejected' || hold.notBefore === undefined) return false;
    this.#change({ hold: forGood(hold, hold) });
    return true;
  }

  /** Has the running release deployed once more, as an operator asked, such as with another script. */
  deployAgain(hash: string): void {
    const { hold } = this.#journal;
    this.#change({ hold: hold && { ...hold, retry: true }, again: hash });
  }

  /** Begins a rollback that an operator on the host asked for. @throws DeployError internal while an attempt is in flight. */
  rollBack({ from, to, by = 'an operator', wanted }: RollbackByHand): void {
    if (this.inFlight !== undefined) throw new DeployError('internal', 'an attempt is in flight');
    const { hold } = this.#journal;
    const attempt: Attempt = {
      deploy: newDeployId(),
      step: 'rolling-back',
      since: this.#now(),
      reason: 'deploy',
      number: failuresOf(hold, from) + 1,
      config: from,
      before: to,
      byHand: true,
      error: { kind: 'cancelled', message: `${by} on the host rolled back from it` },
    };
    // Before the first poll it is unknown what is wanted: the held revision is taken, else the running one.
    const last = wanted ?? hold ?? from;
    this.#change({ attempt, hold: withdrawn(last.hash === to.hash ? from : last) });
  }

  /** Drops an attempt that has done nothing yet, because the running release is wanted instead. */
  forgetPending(): void {
    if (this.#journal.attempt?.step === 'pending') this.#change({ attempt: undefined });
  }

  /** Records the process of a running script or hook; undefined when it has ended. */
  script(identity: string | undefined): void {
    this.#change({ script: identity }, true);
  }

  #live(): Live | undefined {
    return liveRelease(this.#journal, this.#options.lastGood());
  }

  #advance(attempt: Attempt, hold: Hold | undefined, live: Pick<Journal, 'live' | 'proven'> = {}): void {
    const again = attempt.step === 'healthy' ? undefined : this.#journal.again;
    this.#change({ ...live, attempt, hold, again, unpacked: undefined });
  }

  #holdAfter(event: StepEvent, attempt: Attempt, blame: Blame = {}): Hold | undefined {
    return holdAfter(this.#journal.hold, attempt, { ...blame, event, now: this.#options.clock() });
  }

  #requireInFlight(): Attempt {
    return required(this.inFlight, 'no attempt is in flight');
  }

  #now(): string {
    return this.#options.clock().toISOString();
  }

  /** Writes the journal with these changes. @param changes a field that is undefined is removed. */
  #change(changes: { readonly [Key in keyof Journal]: Journal[Key] | undefined }, isQuiet = false): void {
    const journal: Journal = withoutUndefined({ ...this.#journal, ...changes });
    writeFileAtomic(this.#options.path, encodeJournal(journal, this.#options.lastGood()), 0o600);
    this.#journal = journal;
    if (!isQuiet) this.#options.onChange?.();
  }
}

function required(attempt: Attempt | undefined, lack: string): Attempt {
  if (attempt === undefined) throw new DeployError('internal', lack);
  return attempt;
}

/** A name for an attempt that no other one gets. */
function newDeployId(): string {
  return randomBytes(8).toString('hex');
}
