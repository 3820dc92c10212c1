import { type DeployError, describeError } from '@deploy-tools/shared/errors.js';
import type { StateReport } from '@deploy-tools/shared/report/report.js';
import {
  type AgentContext,
  type AgentSettings,
  agentContext,
  type ContextParts,
} from '../../deploy/agent-context.js';
import { cancelAttempt } from '../../deploy/cancel-attempt.js';
import { RandomDelay } from '../../deploy/random-delay.js';
import { AN_OPERATOR, retryHeld } from '../../deploy/retry-held.js';
import { readWholeState } from '../../deploy/state-file.js';
import type { LinkState } from '../../deploy/upstream.js';
import type { Wanted } from '../../deploy/wanted-view.js';
import type { LoopControl } from '../../deploy/wishes.js';
import type { Pushes } from '../../follow/pushes.js';
import type { ProgramCrash } from '../../process/supervise/open-program.js';
import type { Controlled } from '../../tell/control/configuration-control.js';
import { presentReport } from '../../tell/report/present-report.js';

/** What is open for a configuration as long as it is followed. */
export interface OpenParts {
  readonly parts: ContextParts;
  /** What the registry announces, and operators ask for. */
  readonly pushes: Pushes;
  /** What the upstream wanted when it last answered. */
  readonly wanted: () => Wanted | undefined;
  /** What keeps this host from running what is wanted. */
  readonly trouble: () => DeployError | undefined;
  /** Why the supervised program does not stay up, where that is so. */
  readonly crash: () => ProgramCrash | undefined;
  /** Ends the supervised program, gracefully, and closes the rest. */
  readonly close: () => Promise<void>;
}

/** One configuration that is followed on this host, with everything that belongs to it alone. */
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

  /** Of the settings by which it is followed now. */
  get context(): AgentContext {
    return this.#context;
  }

  /** Other settings apply from now on; the supervised program goes on. @param signal ends the loop that has these settings. */
  take(settings: AgentSettings, signal: AbortSignal): AgentContext {
    this.#context = this.#contextOf(settings, signal);
    return this.#context;
  }

  #contextOf(settings: AgentSettings, signal: AbortSignal): AgentContext {
    const { parts } = this.#open;
    const delay = new RandomDelay(settings.randomDelayMs, Math.random, parts.timers.now);
    return agentContext(parts, { settings, delay, wishes: this.pushes, signal });
  }

  /** What the upstream wanted when it last answered. */
  wanted(): Wanted | undefined {
    return this.#open.wanted();
  }

  /** How far the configuration is on this host. */
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

  /** An operator at the registry says: try again now. */
  retry(): void {
    retryHeld(this.#context, this.pushes, AN_OPERATOR);
  }

  /** An operator says: end the deployment in progress. @returns what comes of it. @throws DeployError conflict. */
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

  /** What operators on this host reach. @param loop where a nudge does more than to poll. */
  controlled(registry?: () => LinkState, loop: LoopControl = this.pushes): Controlled {
    return {
      context: this.#context,
      present: () => this.present(),
      wanted: () => this.wanted(),
      loop,
      ...(registry === undefined ? {} : { registry }),
    };
  }

  async close(): Promise<void> {
    await this.#open.close();
  }
}
