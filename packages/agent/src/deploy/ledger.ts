import { randomBytes } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { DeployError, errnoOf, isDeployError } from '@deploy-tools/shared/errors.js';
import { writeFileAtomic } from '@deploy-tools/shared/host/atomic-file.js';
import { readRegularFile } from '@deploy-tools/shared/host/regular-file.js';
import { isOver, nextStep, type StepEvent } from './deploy-step.js';
import { abandoned, failuresOf, type Hold, isSameRevision, rejected, vetoed, withdrawn } from './hold.js';
import { type Attempt, type Journal, type Live, liveRelease, withLive, withProven } from './journal.js';
import { decodeAttempts, decodeJournal, encodeJournal } from './journal-json.js';
import { postponed } from './postponed-rollback.js';

/** Two configurations of the most layers, and little else. */
const MAX_BYTES = 32 * 1024 * 1024;

export interface LedgerOptions {
  /** Of journal.json. */
  readonly path: string;
  /** Of attempts.json, which an agent before there were journals left; read once. */
  readonly attemptsPath: string;
  readonly clock: () => Date;
  /** What state.json holds, for those who read the journal's file. */
  readonly lastGood: () => AgentConfig | undefined;
  /** Called after each change that tells something new. Must not throw. */
  readonly onChange?: () => void;
}

/** What follows for a release from its failure. */
export interface Blame {
  /** It is not tried again before somebody says so. */
  readonly isHeld?: boolean | undefined;
  /** It is not to blame: nothing follows. */
  readonly isSuperseded?: boolean | undefined;
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
    const { postponed: last, ...attempt } = this.#attempt();
    const left = event === 'activate' ? { left: attempt.left ?? this.#live() ?? null } : {};
    const next: Attempt = {
      ...{ ...attempt, ...facts, ...left },
      ...(event === 'go-back' && last !== undefined ? { postponed: last } : {}),
      step: nextStep(attempt.step, event),
      since: this.#now(),
    };
    const hold = this.#holdAfter(event, next, { isHeld, isSuperseded });
    this.#advance(next, { ...this.#liveAfter(event, next), hold });
  }

  /**
   * The way back in flight has led to this release, which state.json holds by now.
   * @param blame of the one that it has led back from.
   */
  restored(to: AgentConfig, blame: Blame): void {
    const { postponed: _, ...attempt } = this.#attempt();
    const next: Attempt = { ...attempt, step: nextStep(attempt.step, 'restore'), since: this.#now() };
    const { proven = [] } = this.#journal;
    // What somebody went back from by hand is nothing to go back to.
    const good = proven.filter(({ hash }) => attempt.byHand !== true || hash !== attempt.config.hash);
    const live: Live = { config: to, how: 'proven', since: next.since };
    const hold = this.#holdAfter('restore', next, blame);
    this.#advance(next, { live, proven: withProven(good, to), hold });
  }

  /**
   * The host said not now: what was live is so still, and the revision is asked about again in a minute.
   * @param reason which hook or script said so, and why.
   */
  veto(reason?: string): void {
    const { config, step, left, ...attempt } = this.#attempt();
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
    const attempt = this.#attempt();
    const next = postponed(attempt.postponed, message, this.#options.clock());
    this.#write({ ...this.#journal, attempt: { ...attempt, postponed: next } });
  }

  /**
   * Somebody says to try again now what is held back.
   * @returns false when nothing is.
   */
  retry(): boolean {
    const { attempt, hold } = this.#journal;
    if (attempt?.postponed !== undefined) {
      const now = { ...attempt.postponed, notBefore: this.#now() };
      this.#write({ ...this.#journal, attempt: { ...attempt, postponed: now } });
      return true;
    }
    if (hold === undefined) return false;
    this.#write({ ...this.#journal, hold: { ...hold, retry: true } });
    return true;
  }

  /** Somebody wants the release that runs to be deployed once more, such as with another script. */
  deployAgain(hash: string): void {
    const { hold } = this.#journal;
    const retried = hold === undefined ? {} : { hold: { ...hold, retry: true as const } };
    this.#write({ ...this.#journal, ...retried, again: hash });
  }

  /**
   * Somebody wants the release before to run again: a way back begins. The revision is held until somebody says retry.
   * @param from what runs, or what failed. @param to what is gone back to. @param by the user of the host.
   */
  goBack(from: AgentConfig, to: AgentConfig, by = 'an operator'): void {
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
    this.#write({ ...journal, attempt });
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

  /** What is live after a step of the attempt, where that changes it. */
  #liveAfter(event: StepEvent, { config, before, since }: Attempt): Pick<Journal, 'live' | 'proven'> {
    const { live, proven = [] } = this.#journal;
    switch (event) {
      case 'activate':
        return { live: { config, how: 'activating', since, ...(before === undefined ? {} : { before }) } };
      case 'validate':
        return { live: { ...live, config, how: 'activated', since } };
      case 'prove':
        return { live: { config, how: 'proven', since }, proven: withProven(proven, config) };
      case 'give-up':
        return { live: { ...live, config, how: 'unknown', since } };
      default:
        return {};
    }
  }

  #holdAfter(event: StepEvent, { config, byHand }: Attempt, blame: Blame): Hold | undefined {
    const { hold } = this.#journal;
    if (event === 'prove') return undefined;
    if (event === 'restore' && byHand === true) return withdrawn(config);
    const isFailure = event === 'fail' || event === 'restore' || event === 'give-up';
    if (!isFailure || blame.isSuperseded === true) return hold;
    if (blame.isHeld === true || event === 'give-up') return abandoned(hold, config);
    return rejected(hold, config, this.#options.clock());
  }

  #attempt(): Attempt {
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

/** What the journal of an agent says, which may be running. @throws DeployError corrupt. */
export function readJournal({ path, attemptsPath }: Pick<LedgerOptions, 'path' | 'attemptsPath'>): Journal {
  const text = readText(path);
  if (text === undefined) return decodeAttempts(readText(attemptsPath) ?? '');
  try {
    return decodeJournal(text);
  } catch (error) {
    if (!isDeployError(error, 'corrupt')) throw error;
    throw new DeployError('corrupt', `the journal ${path} is damaged: ${error.message}`, {
      hint: 'see what runs on this host, correct state.json where it is wrong, and remove the journal',
      cause: error,
    });
  }
}

function readText(path: string): string | undefined {
  try {
    return readRegularFile(path, MAX_BYTES).toString('utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
