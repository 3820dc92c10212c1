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
  /** Called after each change that tells something new. Must not throw. */
  readonly onChange?: () => void;
}

/** A way back that somebody on the host wants. */
export interface RollbackByHand {
  readonly from: AgentConfig;
  readonly to: AgentConfig;
  readonly by?: string | undefined;
  readonly wanted?: AgentConfig | undefined;
}

/** What is known when a step is taken. */
type StepFacts = Pick<Attempt, 'unpackedIn' | 'activated' | 'error'> & Blame;

/** The journal, written atomically and durably before anything that it tells of is done. */
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
   * An attempt begins. One that did not get far and was interrupted is the same attempt still.
   * @param before what is gone back to.
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

  /**
   * The attempt in flight takes a step.
   * @throws DeployError internal where it cannot.
   */
  step(event: StepEvent, { isHeld, isSuperseded, ...facts }: StepFacts = {}): void {
    const { postponed: last, ...attempt } = this.#requireInFlight();
    const left = event === 'activate' ? { left: attempt.left ?? this.#live() ?? null } : {};
    const isJudged = event === 'roll-back' && attempt.step !== 'rolling-back';
    const next: Attempt = {
      ...{ ...attempt, ...facts, ...left },
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
   * A release is live that was never proven, and what was to take its place did not get there: the last attempt leads back from it.
   * @param blame where that attempt fails by this; else what follows for its revision is not touched.
   */
  leave({ config: leaving }: Live, error: NonNullable<Attempt['error']>, blame?: Blame): void {
    const { attempt, hold: before } = this.#journal;
    if (attempt === undefined) throw new DeployError('internal', 'there was no attempt');
    const step = nextStep(attempt.step, 'roll-back');
    const left: Attempt = { ...attempt, step, since: this.#now(), leaving, judged: true };
    const hold = blame === undefined ? before : this.#holdAfter('fail', attempt, blame);
    this.#advance({ ...left, error: attempt.error ?? error }, { hold });
  }

  /** Somebody cancels the attempt in flight, which also an agent after this one has to know. */
  cancel(by: string): void {
    this.#write({ ...this.#journal, attempt: { ...this.#requireInFlight(), cancelledBy: by } });
  }

  /** The way back in flight activates this release: its script is about to run, or its program is in charge. */
  returning(to: AgentConfig, how: 'activating' | 'activated'): void {
    const { config } = this.#requireInFlight();
    this.#write({ ...this.#journal, live: { config: to, how, since: this.#now(), before: config } });
  }

  /** The way back in flight was gone, and its release is proven again, which state.json may not tell yet. */
  arrived(): void {
    this.#write({ ...this.#journal, attempt: { ...this.#requireInFlight(), arrived: true } });
  }

  /** The way back in flight has led to this release, which state.json holds by now. */
  restored(to: AgentConfig): void {
    const { postponed: _, ...attempt } = this.#requireInFlight();
    const next: Attempt = { ...attempt, step: nextStep(attempt.step, 'restore'), since: this.#now() };
    const { proven = [] } = this.#journal;
    // What somebody went back from by hand is nothing to go back to.
    const good = proven.filter(({ hash }) => attempt.byHand !== true || hash !== attempt.config.hash);
    const live: Live = { config: to, how: 'proven', since: next.since };
    const hold = this.#holdAfter('restore', next);
    this.#advance(next, { live, proven: withProven(good, to), hold });
  }

  /**
   * The host said not now: what was live is so still, and the revision is asked about again in a minute.
   * @param reason which hook or script said so, and why.
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

  /**
   * The rollback in flight cannot be done now, for what is no fault of a release; it is tried again later.
   * @param message what it failed with.
   */
  postpone(message: string): void {
    const attempt = this.#requireInFlight();
    const next = postponed(attempt.postponed, message, this.#options.clock());
    this.#write({ ...this.#journal, attempt: { ...attempt, postponed: next } });
  }

  /**
   * Somebody says to try again now what is held back.
   * @returns false when nothing is.
   */
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

  /** What waits to be tried again waits for somebody's word. @returns false when nothing does. */
  holdForGood(): boolean {
    const { hold } = this.#journal;
    if (hold?.why !== 'rejected' || hold.notBefore === undefined) return false;
    this.#write({ ...this.#journal, hold: forGood(hold, hold) });
    return true;
  }

  /** Somebody wants the release that runs to be deployed once more, such as with another script. */
  deployAgain(hash: string): void {
    const { hold } = this.#journal;
    const retried = hold === undefined ? {} : { hold: { ...hold, retry: true as const } };
    this.#write({ ...this.#journal, ...retried, again: hash });
  }

  /**
   * Somebody wants the release before to run again: a way back begins.
   * @param from what runs, or what failed. @param to what is gone back to. @param by the user of the host.
   * @param wanted what the registry wants, where that is known: it is held until somebody says retry, whether or not it runs.
   */
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
    // What is held was wanted, where nobody has heard since what is.
    const last = wanted ?? journal.hold ?? from;
    this.#write({ ...journal, attempt, hold: withdrawn(last.hash === to.hash ? from : last) });
  }

  /** An attempt of which nothing was done yet is none any more: what runs is wanted instead. */
  forgetPending(): void {
    const { attempt, ...journal } = this.#journal;
    if (attempt?.step === 'pending') this.#write(journal);
  }

  /** A script or hook runs, or none any more. */
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
      ...{ ...journal, ...live, attempt },
      ...(hold === undefined ? {} : { hold }),
      ...(isAgain ? { again } : {}),
    });
  }

  #holdAfter(event: StepEvent, attempt: Attempt, blame: Blame = {}): Hold | undefined {
    return holdAfter(this.#journal.hold, event, attempt, { ...blame, now: this.#options.clock() });
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

/** Names an attempt for ever. */
function newDeployId(): string {
  return randomBytes(8).toString('hex');
}
