import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { DeployError, describeError, toDeployError } from '@deploy-tools/shared/errors.js';
import { eitherSignal } from '../host/either-signal.js';
import { bootId } from '../host/process-identity.js';
import type { DestinationHold } from '../place/release-place.js';
import type { Release } from '../release/release-directory.js';
import { type Activated, activateRelease } from './activate-release.js';
import type { AgentContext } from './agent-context.js';
import type { AttemptResult, Failure } from './attempt-result.js';
import { Cancelled, Superseded } from './called-off.js';
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
import type { CallOff } from './wishes.js';

/**
 * One try to make a release the running one, step by step; each step is in the journal before it is taken. It can be called off until
 * the release is proven; what follows a failure cannot.
 */
export class Attempt {
  readonly #context: AgentContext;
  readonly #upstream: Upstream;
  readonly #callOff: CallOff;

  /** The attempt in flight of the ledger. */
  constructor(context: AgentContext, upstream: Upstream) {
    this.#context = context;
    this.#upstream = upstream;
    this.#callOff = context.wishes.deploying(context.ledger.inFlight?.config.hash ?? '');
  }

  /** Does all of it. @param lastGood what state.json holds. */
  async run(lastGood: AgentConfig | undefined): Promise<AttemptResult> {
    return await this.#toEnd(async () => {
      const release = await this.#stage(lastGood);
      return release === undefined ? this.#endVetoed() : await this.#goLive(release);
    });
  }

  /**
   * Resumes one that was cut off at its activation or later.
   * @param release undefined where its directory is gone.
   * @param wanted hash of what is wanted now; undefined where that is not known.
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

  /** What a signal cuts off does not always say why. */
  #causeOf(thrown: unknown): DeployError {
    const error = toDeployError(thrown);
    const calledOff = this.#callOff.signal;
    const isCutOff = error.kind === 'cancelled' && calledOff.aborted && !this.#context.signal.aborted;
    return isCutOff ? toDeployError(calledOff.reason) : error;
  }

  /** Everything up to a complete release in a directory of its own. @returns undefined when the host vetoes it. */
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
      await release.durable; // Nothing may still be written when the next attempt begins.
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
      // What is proven already is deployed again from its directory as it is.
      unpackedIn: unpackedIn ?? (lastGood?.hash === config.hash ? '' : undefined),
      signal: stop.signal,
    };
    return await obtainRelease(this.#context, this.#upstream, request).finally(stop.clear);
  }

  /** From `staged`, or where it was cut off after that, to `healthy`. */
  async #goLive(release: Release): Promise<AttemptResult> {
    const { ledger, facts } = this.#context;
    const roots = rootsOf(this.#context);
    let died: AbortSignal | undefined;
    if (ledger.inFlight?.step !== 'validating') {
      const hold = await this.#beforeActivation(release);
      // Awaited also when the script fails, so that nothing is still being written when the next attempt begins.
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

  /** The last moment at which the deployment can end without a trace; it lasts while another process deploys to the destination. */
  async #beforeActivation(release: Release): Promise<DestinationHold> {
    const { signal, place } = this.#context;
    const calledOff = this.#callOff.signal;
    signal.throwIfAborted();
    try {
      calledOff.throwIfAborted();
      return await place.hold(signal, calledOff);
    } catch (error) {
      if (!signal.aborted) await release.durable; // Nothing may still be written when the next attempt begins.
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
   * Has the activated release prove itself, from the beginning: the program runs, the checks pass for long enough, then the hook; in
   * the end it is its program that is in charge. What is proven by its script alone does not mind that another release is wanted.
   * @param died signal of the run that took over in this very attempt: that it ended since then counts, though it may run again.
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

  /** The release is proven: it is the last good one from now on, durably, and its failures are forgotten. */
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
      'this host says not now, it is asked again later',
    );
    return { kind: 'waiting', hash, ms: waitBefore(hold, config, clock()) };
  }

  /** What follows a failure: nothing where the release is not to blame for it, a rollback where that is wanted, the failure hook. */
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

  /** It failed from its activation on. */
  async #failLive(error: DeployError): Promise<Failure> {
    const { ledger, settings } = this.#context;
    const { config, activated } = ledger.attempt;
    const cause = { error: { kind: error.kind, message: error.message } };
    const isSuperseded = error instanceof Superseded;
    const isCancelled = error instanceof Cancelled;
    const lastGood = lastGoodRelease(this.#context);
    // Where something else is wanted than the last good release, the host goes straight there.
    const isLedBack = isCancelled || (settings.rollback && (!isSuperseded || error.by === lastGood?.hash));
    if (isLedBack && lastGood !== undefined && lastGood.hash !== config.hash) {
      ledger.step('roll-back', { ...cause, isHeld: isCancelled || !settings.retryLive, isSuperseded });
      return await rollBack(this.#context, this.#upstream, error);
    }
    // A script that fails where no rollback is configured is run again, as the Go agent does.
    const isProvedBad = settings.rollback || activated === true;
    const isHeld = isCancelled || (!settings.retryLive && isProvedBad);
    ledger.step('fail', { ...cause, isHeld, isSuperseded });
    return await endFailed(this.#context, { kind: 'failed', error });
  }

  /** It failed before anything of it was live. */
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

/** The release is not to blame for it, where nothing of it is live. */
function isNoFault(error: DeployError): boolean {
  return error.kind === 'connect' || error.kind === 'cancelled' || error instanceof Superseded;
}
