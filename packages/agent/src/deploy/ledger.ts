import { randomBytes } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { writeFileAtomic } from '@deploy-tools/shared/host/atomic-file.js';
import { type Blame, holdAfter, liveAfter } from './after-step.js';
import { isOver, nextStep, type StepEvent } from './deploy-step.js';
import { failuresOf, forGood, type Hold, isSameRevision, vetoed, withdrawn } from './hold.js';
import { type Attempt, type Journal, type Live, liveRelease, withLive, withProven } from './journal.js';
import { encodeJournal } from './journal-json.js';
import { postponed } from './postponed-rollback.js';
import { type JournalPaths, readJournal } from './read-journal.js';

export interface LedgerOptions extends JournalPaths {
  readonly clock: () => Date;
  /** What state.json holds, for those who read the journal's file. */
  readonly lastGood: () => AgentConfig | undefined;
  /** Called after each change that is worth a report. Must not throw. */
  readonly onChange?: () => void;
}

/** A rollback that an operator on the host asked for. */
export interface RollbackByHand {
  /** What runs, or what failed. */
  readonly from: AgentConfig;
  readonly to: AgentConfig;
  /** Who asked for it, as people know them. */
  readonly by?: string | undefined;
  /** What the upstream wants, where that is known: it is held until an operator says retry, whether or not it runs. */
  readonly wanted?: AgentConfig | undefined;
}

/** What is known when a step is taken. */
type StepFacts = Pick<Attempt, 'unpackedIn' | 'activated' | 'error'> & Blame;

/** The journal of a configuration on this host. It is written atomically and durably before the step that it records is taken. */
export class Ledger {
  readonly #options: LedgerOptions;
  #journal: Journal;

  /** @throws DeployError corrupt when the journal is damaged: what runs cannot be known then. */
  constructor(options: LedgerOptions) {
    this.#options = options;
    this.#journal = withLive(readJournal(options), options.lastGood());
    if (existsSync(options.path)) rmSync(options.attemptsPath, { force: true });
  }

  get journal(): Journal {
    return this.#journal;
  }

  /** The attempt in flight, or else the last one. @throws DeployError internal when there never was one. */
  get attempt(): Attempt {
    const { attempt } = this.#journal;
    if (attempt === undefined) throw new DeployError('internal', 'no attempt was begun');
    return attempt;
  }

  /** The attempt that is not over. */
  get inFlight(): Attempt | undefined {
    const { attempt } = this.#journal;
    return attempt === undefined || isOver(attempt.step) ? undefined : attempt;
  }

  /**
   * Begins an attempt. One that was interrupted before its activation is the same attempt still.
   * @param before what is live now, which scripts get as the old release.
   */
  begin(config: AgentConfig, before: AgentConfig | undefined): void {
    const { again, ...journal } = this.#journal;
    const { attempt, hold, unpacked } = journal;
    const same = attempt !== undefined && isSameRevision(attempt.config, config) ? attempt : undefined;
    const unpackedIn = same?.unpackedIn ?? (unpacked?.hash === config.hash ? unpacked.in : undefined);
    const isAgain = again === config.hash;
    const retry = isAgain || (hold?.retry === true && isSameRevision(hold, config));
    this.#write({
      ...journal,
      ...(isAgain ? { again } : {}),
      attempt: {
        deploy: same?.step === 'pending' ? same.deploy : newDeployId(),
        step: 'pending',
        since: this.#now(),
        reason: retry ? 'retry' : 'deploy',
        number: failuresOf(hold, config) + 1,
        config,
        ...(before === undefined ? {} : { before }),
        ...(unpackedIn === undefined ? {} : { unpackedIn }),
      },
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
    const hold = this.#holdAfter(isJudged ? 'fail' : event, isJudged ? attempt : next, {
      isHeld,
      isSuperseded,
    });
    this.#advance(next, { ...liveAfter(this.#journal, event, next), hold });
  }

  /**
   * Begins a rollback from a release that is live and was never proven, because the one that was to replace it did not get live.
   * @param blame what follows for the revision of the last attempt, where that has failed by this; nothing otherwise.
   */
  leave({ config: leaving }: Live, error: NonNullable<Attempt['error']>, blame?: Blame): void {
    const { attempt, hold: before } = this.#journal;
    if (attempt === undefined) throw new DeployError('internal', 'there was no attempt');
    const step = nextStep(attempt.step, 'roll-back');
    const left: Attempt = { ...attempt, step, since: this.#now(), leaving, judged: true };
    const hold = blame === undefined ? before : this.#holdAfter('fail', attempt, blame);
    this.#advance({ ...left, error: attempt.error ?? error }, { hold });
  }

  /** Records that an operator cancelled the attempt in flight, for the agent after this one. */
  cancel(by: string): void {
    this.#write({ ...this.#journal, attempt: { ...this.#requireInFlight(), cancelledBy: by } });
  }

  /** Records how far the rollback in flight has got: the script of this release is about to run, or its program is in charge. */
  returning(to: AgentConfig, how: 'activating' | 'activated'): void {
    const { config } = this.#requireInFlight();
    this.#write({ ...this.#journal, live: { config: to, how, since: this.#now(), before: config } });
  }

  /** Records that the rollback in flight is done and its release proven again, which state.json may not say yet. */
  arrived(): void {
    this.#write({ ...this.#journal, attempt: { ...this.#requireInFlight(), arrived: true } });
  }

  /** Ends the rollback in flight; state.json holds its release by now. */
  restored(to: AgentConfig): void {
    const { postponed: _, ...attempt } = this.#requireInFlight();
    const next: Attempt = { ...attempt, step: nextStep(attempt.step, 'restore'), since: this.#now() };
    const { proven = [] } = this.#journal;
    // A release that an operator rolled back is not rolled back to.
    const good = proven.filter(({ hash }) => attempt.byHand !== true || hash !== attempt.config.hash);
    const live: Live = { config: to, how: 'proven', since: next.since };
    const hold = this.#holdAfter('restore', next);
    this.#advance(next, { live, proven: withProven(good, to), hold });
  }

  /**
   * Records a veto of the host: what was live is so still, and the host is asked again in a minute.
   * @param reason which hook or script vetoed the deployment, and the last line that it printed.
   */
  veto(reason?: string): void {
    const { config, step, left, ...attempt } = this.#requireInFlight();
    const next: Attempt = { ...attempt, config, step: nextStep(step, 'interrupt'), since: this.#now() };
    const veto = vetoed(this.#journal.hold, config, this.#options.clock());
    const hold: Hold = reason === undefined ? veto : { ...veto, reason };
    const { live, ...journal } = this.#journal;
    const before = left === undefined ? live : (left ?? undefined);
    this.#write({ ...journal, ...(before === undefined ? {} : { live: before }), attempt: next, hold });
  }

  /** Postpones the rollback in flight, which failed for a reason that is no fault of a release. @param message that reason. */
  postpone(message: string): void {
    const attempt = this.#requireInFlight();
    const next = postponed(attempt.postponed, message, this.#options.clock());
    this.#write({ ...this.#journal, attempt: { ...attempt, postponed: next } });
  }

  /** Has what is held back tried again now, as an operator asked. @returns false when nothing is held back. */
  retry(): boolean {
    const { attempt, hold } = this.#journal;
    if (attempt?.step === 'rolling-back') {
      if (attempt.postponed === undefined) return false;
      const now = { ...attempt.postponed, notBefore: this.#now() };
      this.#write({ ...this.#journal, attempt: { ...attempt, postponed: now } });
      return true;
    }
    if (hold === undefined) return false;
    this.#write({ ...this.#journal, hold: { ...hold, retry: true } });
    return true;
  }

  /** Holds what waits to be tried again until an operator says retry. @returns false when nothing waits. */
  holdForGood(): boolean {
    const { hold } = this.#journal;
    if (hold?.why !== 'rejected' || hold.notBefore === undefined) return false;
    this.#write({ ...this.#journal, hold: forGood(hold, hold) });
    return true;
  }

  /** Has the release that runs deployed once more, as an operator asked, such as with another script. */
  deployAgain(hash: string): void {
    const { hold } = this.#journal;
    const retried = hold === undefined ? {} : { hold: { ...hold, retry: true as const } };
    this.#write({ ...this.#journal, ...retried, again: hash });
  }

  /** Begins a rollback that an operator on the host asked for. @throws DeployError internal while an attempt is in flight. */
  rollBack({ from, to, by = 'an operator', wanted }: RollbackByHand): void {
    if (this.inFlight !== undefined) throw new DeployError('internal', 'an attempt is in flight');
    const { attempt: _, ...journal } = this.#journal;
    const attempt: Attempt = {
      deploy: newDeployId(),
      step: 'rolling-back',
      since: this.#now(),
      reason: 'deploy',
      number: failuresOf(journal.hold, from) + 1,
      config: from,
      before: to,
      byHand: true,
      error: { kind: 'cancelled', message: `${by} on the host rolled back from it` },
    };
    // Where nothing is known of what is wanted, what is held was wanted last.
    const last = wanted ?? journal.hold ?? from;
    this.#write({ ...journal, attempt, hold: withdrawn(last.hash === to.hash ? from : last) });
  }

  /** Drops an attempt of which nothing was done yet, because what runs is wanted instead. */
  forgetPending(): void {
    const { attempt, ...journal } = this.#journal;
    if (attempt?.step === 'pending') this.#write(journal);
  }

  /** Records the process of a running script or hook; undefined when none runs any more. */
  script(identity: string | undefined): void {
    const { script: _, ...journal } = this.#journal;
    this.#write(identity === undefined ? journal : { ...journal, script: identity }, true);
  }

  #live(): Live | undefined {
    return liveRelease(this.#journal, this.#options.lastGood());
  }

  #advance(
    attempt: Attempt,
    after: Pick<Journal, 'live' | 'proven'> & { readonly hold: Hold | undefined },
  ): void {
    const { unpacked: _, hold: __, again, ...journal } = this.#journal;
    const { hold, ...live } = after;
    const isAgain = again !== undefined && attempt.step !== 'healthy';
    this.#write({
      ...journal,
      ...live,
      attempt,
      ...(hold === undefined ? {} : { hold }),
      ...(isAgain ? { again } : {}),
    });
  }

  #holdAfter(event: StepEvent, attempt: Attempt, blame: Blame = {}): Hold | undefined {
    return holdAfter(this.#journal.hold, attempt, { ...blame, event, now: this.#options.clock() });
  }

  #requireInFlight(): Attempt {
    const { inFlight } = this;
    if (inFlight === undefined) throw new DeployError('internal', 'no attempt is in flight');
    return inFlight;
  }

  #now(): string {
    return this.#options.clock().toISOString();
  }

  #write(journal: Journal, quiet = false): void {
    writeFileAtomic(this.#options.path, encodeJournal(journal, this.#options.lastGood()), 0o600);
    this.#journal = journal;
    if (!quiet) this.#options.onChange?.();
  }
}

/** A name for an attempt that no other one gets. */
function newDeployId(): string {
  return randomBytes(8).toString('hex');
}
