import { type DeployError, describeError } from '@deploy-tools/shared/errors.js';
import type { StateReport } from '@deploy-tools/shared/report/report.js';
import type { AgentContext, AgentSettings, ContextParts } from '../../deploy/agent-context.js';
import { agentContext } from '../../deploy/compose-context.js';
import { AN_OPERATOR, cancelAttempt, retryHeld } from '../../deploy/operator-requests.js';
import { RandomDelay } from '../../deploy/random-delay.js';
import { readWholeState } from '../../deploy/state-file.js';
import type { LinkState } from '../../deploy/upstream.js';
import type { Wanted } from '../../deploy/wanted-view.js';
import type { LoopControl } from '../../deploy/wishes.js';
import type { Pushes } from '../../follow/pushes.js';
import type { ProgramCrash } from '../../process/supervise/open-program.js';
import type { Controlled } from '../../tell/control/configuration-control.js';
import { presentReport } from '../../tell/report/present-report.js';

interface OpenParts {
  readonly parts: ContextParts;
  readonly pushes: Pushes;
  /** The wanted release by the upstream's last answer. */
  readonly wanted: () => Wanted | undefined;
  /** The error that keeps this host from running the wanted release. */
  readonly trouble: () => DeployError | undefined;
  /** Why the supervised program crashes; undefined while it works. */
  readonly crash: () => ProgramCrash | undefined;
  /** Ends the supervised program, gracefully, and closes the rest. */
  readonly close: () => Promise<void>;
  /** Releases the directory and the state file. */
  readonly release: () => void;
}

/** One followed configuration on this host, with everything that belongs to it alone. */
export class Application {
  readonly pushes: Pushes;
  readonly #open: OpenParts;
  /** Aborted when the configuration is not followed any more. */
  readonly #signal: AbortSignal;
  #context: AgentContext;

  constructor(open: OpenParts, settings: AgentSettings, signal: AbortSignal) {
    this.#open = open;
    this.#signal = signal;
    this.pushes = open.pushes;
    this.#context = this.#contextOf(settings, signal);
  }

  get context(): AgentContext {
    return this.#context;
  }

  /** Takes over new settings; the supervised program runs on. @param signal ends the loop that has these settings. */
  take(settings: AgentSettings, signal: AbortSignal): AgentContext {
    this.#context = this.#contextOf(settings, signal);
    return this.#context;
  }

  #contextOf(settings: AgentSettings, signal: AbortSignal): AgentContext {
    const { parts } = this.#open;
    const delay = new RandomDelay(settings.randomDelayMs, Math.random, parts.timers.now);
    return agentContext(parts, { settings, delay, wishes: this.pushes, signal });
  }

  present(): StateReport {
    const { parts, wanted, trouble, crash } = this.#open;
    const { ledger, pause, facts, paths } = parts;
    return presentReport({
      config: this.#context.settings.name,
      journal: ledger.journal,
      lastGood: readWholeState(paths.state),
      facts,
      wanted: wanted()?.config,
      paused: pause.holding,
      pause: pause.note,
      crash: crash(),
      trouble: trouble(),
    });
  }

  /** Has a held deployment tried again now, for an operator at the registry. */
  retry(): void {
    retryHeld(this.#context, this.pushes, AN_OPERATOR);
  }

  /** Cancels the deployment in progress. @returns the answer for the operator. @throws DeployError conflict. */
  cancel(by: string): string {
    return cancelAttempt(this.#context, this.pushes, by);
  }

  /** Restarts the supervised program gracefully, where there is one and a release that it runs from. */
  restartProgram(): void {
    const { host, log } = this.#context;
    host.restart(this.#signal).catch((error: unknown) => {
      if (!this.#signal.aborted) log.error({ err: describeError(error) }, 'the program was not restarted');
    });
  }

  /** What the control socket reaches. @param loop another one than the registry's, for a source. */
  controlled(registry?: () => LinkState, loop: LoopControl = this.pushes): Controlled {
    return {
      context: this.#context,
      present: () => this.present(),
      wanted: this.#open.wanted,
      loop,
      ...(registry === undefined ? {} : { registry }),
    };
  }

  async close(): Promise<void> {
    await this.#open.close();
  }

  /** Lets the next agent take the directory; to be called last. */
  release(): void {
    this.#open.release();
  }
}
