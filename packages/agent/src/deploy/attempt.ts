import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { DeployError, describeError, toDeployError } from '@deploy-tools/shared/errors.js';
import { eitherSignal } from '../host/either-signal.js';
import { bootId } from '../host/process-identity.js';
import type { DestinationHold } from '../place/release-place.js';
import type { Release } from '../release/release-directory.js';
import { type Activated, activateRelease } from './activate-release.js';
import type { AgentContext } from './agent-context.js';
import type { AttemptResult, Failure } from './attempt-result.js';
import { cleanUp, cleanUpAround } from './clean-up.js';
import type { DeployRoots } from './deploy-roots.js';
import { resumptionOf } from './deploy-step.js';
import { endFailed, rootsOf, runLastHook } from './end-attempt.js';
import { waitBefore } from './hold.js';
import { leftUnproven } from './leave-unproven.js';
import { obtainRelease } from './obtain-release.js';
import { lastGoodRelease } from './release-before.js';
import { rollBack } from './rollback.js';
import { writeState } from './state-file.js';
import type { Upstream } from './upstream.js';
import { type CallOff, Cancelled, Superseded } from './wishes.js';

/**
 * Runs an attempt step by step; each step is in the journal before it is taken. It can be called off until the release is proven, but
 * not after a failure.
 */
export class Attempt {
  readonly #context: AgentContext;
  readonly #upstream: Upstream;
  readonly #callOff: CallOff;

  /** For the attempt in flight of the ledger. */
  constructor(context: AgentContext, upstream: Upstream) {
    this.#context = context;
    this.#upstream = upstream;
    this.#callOff = context.wishes.deploying(context.ledger.inFlight?.config.hash ?? '');
  }

  /** Runs a new attempt. @param lastGood the content of state.json. */
  async run(lastGood: AgentConfig | undefined): Promise<AttemptResult> {
    return await this.#toEnd(async () => {
      const release = await this.#stage(lastGood);
      return release === undefined ? this.#endVetoed() : await this.#goLive(release);
    });
  }

  /**
   * Resumes an attempt that was interrupted at its activation or later.
   * @param release undefined where its directory is gone.
   * @param wanted hash of the wanted configuration; undefined where it is not known.
   */
  async resume(release: Release | undefined, wanted: string | undefined): Promise<AttemptResult> {
    return await this.#toEnd(async () => {
      const { cancelledBy, config } = this.#context.ledger.inFlight ?? {};
      if (cancelledBy !== undefined) throw new Cancelled(cancelledBy);
      if (wanted !== undefined && wanted !== config?.hash) throw new Superseded(wanted);
      if (release !== undefined) return await this.#goLive(release);
      const { unpacked } = this.#context.paths;
      throw new DeployError('unhealthy', `the release ${config?.hash} is not in ${unpacked} any more`);
    });
  }

  async #toEnd(act: () => Promise<AttemptResult>): Promise<AttemptResult> {
    const { ledger, releases } = this.#context;
    try {
      const result = await act();
      if (result.kind === 'waiting') await cleanUpAround(this.#context);
      return result;
    } catch (thrown) {
      this.#callOff.close();
      const failure = await this.#fail(this.#causeOf(thrown));
      if (ledger.inFlight === undefined) await cleanUpAround(this.#context);
      return failure;
    } finally {
      this.#callOff.close();
      await releases.threads.stop();
    }
  }

  /** The error of an attempt: an abort by a signal counts as the signal's reason. */
  #causeOf(thrown: unknown): DeployError {
    const error = toDeployError(thrown);
    const calledOff = this.#callOff.signal;
    const isCutOff = error.kind === 'cancelled' && calledOff.aborted && !this.#context.signal.aborted;
    return isCutOff ? toDeployError(calledOff.reason) : error;
  }

  /** Runs all steps up to a complete release in a directory of its own. @returns undefined when the host vetoes it. */
  async #stage(lastGood: AgentConfig | undefined): Promise<Release | undefined> {
    const { ledger, facts, host, place } = this.#context;
    const roots = rootsOf(this.#context);
    if ((await host.run('pre', roots)) === 'vetoed') return undefined;
    ledger.step('fetch');
    const release = await this.#obtain(lastGood);
    ledger.step('stage');
    const prepare = async () => {
      const outcome = await host.run('prepare', roots, { cwd: release.root });
      if (outcome === 'done') place.check(roots.next);
      return outcome;
    };
    const outcome = await facts.time('prepare', prepare).catch(async (error: unknown) => {
      await release.durable; // All writing has to end before the next attempt.
      throw error;
    });
    if (outcome === 'done') return release;
    await release.durable;
    return undefined;
  }

  async #obtain(lastGood: AgentConfig | undefined): Promise<Release> {
    const { ledger, signal } = this.#context;
    const { config, unpackedIn } = ledger.attempt;
    const stop = eitherSignal(signal, this.#callOff.signal);
    const request = {
      config,
      before: lastGood,
      // A proven release is deployed again from its directory as it is.
      unpackedIn: unpackedIn ?? (lastGood?.hash === config.hash ? '' : undefined),
      signal: stop.signal,
    };
    return await obtainRelease(this.#context, this.#upstream, request).finally(stop.clear);
  }

  /** Runs all steps from `staged`, or a later one, to `healthy`. */
  async #goLive(release: Release): Promise<AttemptResult> {
    const { ledger, facts } = this.#context;
    const roots = rootsOf(this.#context);
    let died: AbortSignal | undefined;
    if (ledger.inFlight?.step !== 'validating') {
      const hold = await this.#beforeActivation(release);
      // Both are awaited, even if the script fails: all writing has to end before the next attempt.
      const [active, durable] = await Promise.allSettled([this.#activate(roots, hold), release.durable]);
      if (active.status === 'rejected') throw active.reason;
      if (durable.status === 'rejected') throw durable.reason;
      if (active.value === 'vetoed') return this.#endVetoed();
      died = active.value.died;
    }
    ledger.step('validate', { activated: true });
    await facts.time('validate', () => this.#validate(roots, died));
    return await this.#succeed(roots);
  }

  /** Waits until no other process deploys to the destination. Until then the attempt can end without a trace. */
  async #beforeActivation(release: Release): Promise<DestinationHold> {
    const { signal, place } = this.#context;
    const calledOff = this.#callOff.signal;
    signal.throwIfAborted();
    try {
      calledOff.throwIfAborted();
      return await place.hold(signal, calledOff);
    } catch (error) {
      if (!signal.aborted) await release.durable; // All writing has to end before the next attempt.
      throw error;
    }
  }

  async #activate(roots: DeployRoots, hold: DestinationHold): Promise<Activated> {
    const { ledger, facts } = this.#context;
    try {
      ledger.step('activate', { unpackedIn: bootId() });
      const activation = { hold, calledOff: this.#callOff.signal };
      return await facts.time('activate', () => activateRelease(this.#context, roots, activation));
    } finally {
      hold.release();
    }
  }

  /**
   * Proves the activated release: its program runs, all checks pass for long enough, the hook succeeds, its program is in charge. A
   * release that its script alone proves is not called off for another one.
   * @param died by the program that took over in this attempt: its end is a failure, even if it runs again by now.
   */
  async #validate(roots: DeployRoots, died: AbortSignal | undefined): Promise<void> {
    const { host } = this.#context;
    const calledOff = this.#callOff.signal;
    if (died?.aborted === true) throw died.reason;
    this.#throwIfCancelled();
    const now = await host.switchProgram(roots, calledOff);
    await host.prove(roots, { died: died ?? now, calledOff });
    if ((await host.run('validate', roots)) === 'vetoed')
      throw new DeployError('script', 'the validate hook says not now, but the release runs already', {
        hint: 'exit with 0 or 1 there; ask before, in the pre or prepare hook',
      });
    host.requireInCharge(roots);
    this.#throwIfCancelled();
  }

  #throwIfCancelled(): void {
    const { reason } = this.#callOff.signal;
    if (reason instanceof Cancelled) throw reason;
  }

  /** Makes the proven release the last good one, durably, and forgets its failures. */
  async #succeed(roots: DeployRoots): Promise<AttemptResult> {
    const { ledger, paths, log } = this.#context;
    const { hash } = roots.config;
    writeState(paths.state, roots.config);
    ledger.step('prove');
    log.info({ hash }, 'deployed');
    await runLastHook(this.#context, 'post', roots);
    await runLastHook(this.#context, 'success', roots);
    await cleanUp(this.#context, []);
    return { kind: 'deployed', hash };
  }

  #endVetoed(): AttemptResult {
    const { ledger, log, clock, facts } = this.#context;
    ledger.veto(facts.veto);
    const { config } = ledger.attempt;
    const { hold } = ledger.journal;
    const { hash } = config;
    log.warn(
      { hash, notBefore: hold?.notBefore, why: hold?.reason },
      'the host vetoed the deployment; it is asked again later',
    );
    return { kind: 'waiting', hash, ms: waitBefore(hold, config, clock()) };
  }

  /** Handles a failure: a rollback where one is configured, then the failure hook; nothing where the release is not to blame. */
  async #fail(error: DeployError): Promise<Failure> {
    const { ledger, facts } = this.#context;
    const attempt = ledger.inFlight;
    if (attempt === undefined) return { kind: 'failed', error }; // It came after `healthy`.
    const isLive = resumptionOf(attempt.step) !== 'start-over';
    if (error.kind === 'cancelled' && isLive) return { kind: 'interrupted', error }; // The next agent resumes it.
    if (!isLive && isNoFault(error)) {
      ledger.step('interrupt');
      return { kind: 'interrupted', error };
    }
    facts.log.push(describeError(error));
    return isLive ? await this.#failLive(error) : await this.#failBefore(error);
  }

  /** Handles a failure at the activation or later. */
  async #failLive(error: DeployError): Promise<Failure> {
    const { ledger, settings } = this.#context;
    const { config, activated } = ledger.attempt;
    const cause = { error: { kind: error.kind, message: error.message } };
    const isSuperseded = error instanceof Superseded;
    const isCancelled = error instanceof Cancelled;
    const lastGood = lastGoodRelease(this.#context);
    // If a third release is wanted, it is deployed at once, without a rollback.
    const isRolledBack = isCancelled || (settings.rollback && (!isSuperseded || error.by === lastGood?.hash));
    if (isRolledBack && lastGood !== undefined && lastGood.hash !== config.hash) {
      ledger.step('roll-back', { ...cause, isHeld: isCancelled || !settings.retryLive, isSuperseded });
      return await rollBack(this.#context, this.#upstream, error);
    }
    // A script that fails where no rollback is configured is run again, as the Go agent does.
    const isProvedBad = settings.rollback || activated === true;
    const isHeld = isCancelled || (!settings.retryLive && isProvedBad);
    ledger.step('fail', { ...cause, isHeld, isSuperseded });
    return await endFailed(this.#context, { kind: 'failed', error });
  }

  /** Handles a failure before the activation. */
  async #failBefore(error: DeployError): Promise<Failure> {
    const { ledger } = this.#context;
    const cause = { kind: error.kind, message: error.message };
    const isHeld = error instanceof Cancelled;
    const left = leftUnproven(this.#context);
    if (left !== undefined) {
      ledger.leave(left, cause, { isHeld });
      return await rollBack(this.#context, this.#upstream, error);
    }
    ledger.step('fail', { error: cause, isHeld, isSuperseded: false });
    return await endFailed(this.#context, { kind: 'failed', error });
  }
}

/** Whether the release is not to blame for an error before its activation. */
function isNoFault(error: DeployError): boolean {
  return error.kind === 'connect' || error.kind === 'cancelled' || error instanceof Superseded;
}
