import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { DeployError, describeError } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import { eitherSignal } from '../host/either-signal.js';
import { processIdentity } from '../host/process-identity.js';
import type { Timers } from '../host/timers.js';
import { type CheckAnswer, describeCheck } from '../process/health/health-check.js';
import type { HealthSettings } from '../process/health/health-flags.js';
import { proveHealthy } from '../process/health/prove-healthy.js';
import type { RunAs } from '../process/script/run-as.js';
import { type Hook, type HookOutcome, runHook } from '../process/script/run-hook.js';
import type { OutputPlace } from '../process/script/run-output.js';
import { programEnvironment, scriptEnvironment } from '../process/script/script-environment.js';
import { withScriptState } from '../process/script/script-state.js';
import type { ReleaseProgram } from '../process/supervise/release-program.js';
import type { Prove } from '../process/supervise/supervisor.js';
import { AttemptFacts } from './attempt-facts.js';
import type { DeployRoots } from './deploy-roots.js';
import type { HookInput, Host, Proof } from './host.js';
import type { Ledger } from './ledger.js';

export interface LocalHostOptions {
  readonly settings: {
    readonly script: string | undefined;
    /** Of the script and of each hook. */
    readonly scriptTimeoutMs: number;
    readonly hooks: Readonly<Partial<Record<Hook, string>>>;
    readonly health: HealthSettings;
  };
  /** Absolute path of what a running script reads its configuration from (STATEFILE). */
  readonly scriptState: string;
  /** The supervised program, where there is one. */
  readonly program: ReleaseProgram | undefined;
  /** Where a running script is recorded, for the agent after this one. */
  readonly ledger: Pick<Ledger, 'script' | 'journal'>;
  readonly facts: AttemptFacts;
  /** Where scripts and hooks print to. */
  readonly output: OutputPlace;
  /** Whom scripts and checks are run as; undefined for the agent's own user. */
  readonly runAs: RunAs | undefined;
  /** The agent's own environment, of which scripts get a part. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly timers: Timers;
  readonly log: Logger;
  /** Aborted when the agent is to stop. */
  readonly signal: AbortSignal;
}

/** One run of all checks, or their proof over time. */
interface CheckRun extends Proof {
  readonly isOnce: boolean;
  readonly environment: Readonly<Record<string, string>>;
  /** The process of the supervised program that is asked; undefined for the one in charge. */
  readonly pid?: number;
  readonly signal: AbortSignal;
  readonly facts: AttemptFacts;
}

/** The host that the agent runs on. */
export class LocalHost implements Host {
  readonly #options: LocalHostOptions;

  constructor(options: LocalHostOptions) {
    this.#options = options;
  }

  async run(hook: Hook, roots: DeployRoots, input: HookInput = {}): Promise<HookOutcome> {
    const { settings, scriptState, ledger } = this.#options;
    const command = hook === 'script' ? settings.script : settings.hooks[hook];
    if (command === undefined) return 'done';
    try {
      return await withScriptState(scriptState, roots.config, () =>
        this.#runLogged(hook, command, { ...input, roots }),
      );
    } finally {
      if (ledger.journal.script !== undefined) this.#forgetScript();
    }
  }

  async #runLogged(
    hook: Hook,
    command: string,
    { roots, ...input }: HookInput & { readonly roots: DeployRoots },
  ): Promise<HookOutcome> {
    const { settings, log, facts, runAs, output } = this.#options;
    const what = hook === 'script' ? 'script' : `${hook} hook`;
    const started = performance.now();
    log.info(
      { [hook === 'script' ? 'script' : 'hook']: command, old: roots.old?.root, new: roots.next.root },
      `running the ${what}`,
    );
    let last: string | undefined;
    const outcome = await runHook({
      hook,
      command,
      ...input,
      environment: this.#hookEnvironment(roots),
      timeoutMs: settings.scriptTimeoutMs,
      as: runAs,
      output,
      beforeRun: (pid) => this.#rememberScript(pid),
      onLine: (stream, line) => {
        if (line.trim() !== '') last = line.trim();
        facts.log.push(line);
        log.info({ stream }, line);
      },
    });
    const ms = Math.round(performance.now() - started);
    if (outcome === 'vetoed') facts.vetoed(what, last);
    log.info({ ms }, outcome === 'done' ? `the ${what} succeeded` : `the ${what} says not now`);
    return outcome;
  }

  #hookEnvironment({ old, next, config, reason, attempt }: DeployRoots): Record<string, string> {
    const { env, scriptState } = this.#options;
    return {
      ...scriptEnvironment(env, { old, next, config, stateFile: scriptState }),
      REASON: reason,
      CONFIG: config.name,
      REVISION: String(config.revision ?? ''),
      ATTEMPT: String(attempt),
    };
  }

  /** Should this agent be killed, the next one waits for the script. */
  #rememberScript(pid: number): void {
    const { ledger, log } = this.#options;
    const script = processIdentity(pid);
    if (script === undefined) return; // It has ended already.
    try {
      ledger.script(script);
    } catch (error) {
      log.warn({ err: describeError(error) }, 'that the script runs cannot be recorded');
    }
  }

  /** Where this cannot be written, the next agent looks for the script and does not find it. */
  #forgetScript(): void {
    const { ledger, log } = this.#options;
    try {
      ledger.script(undefined);
    } catch (error) {
      log.warn({ err: describeError(error) }, 'that the script has ended cannot be recorded');
    }
  }

  async switchProgram(roots: DeployRoots, calledOff: AbortSignal): Promise<AbortSignal | undefined> {
    const { program, env, signal, facts } = this.#options;
    const { config, next } = roots;
    if (program === undefined) return undefined;
    const { root, died } = program;
    if (root === next.root && died?.aborted !== true) return died;
    const environment = this.#checkEnvironment(roots);
    const prove: Prove = ({ pid }, end) =>
      this.#check({ isOnce: true, environment, pid, signal: end, facts });
    const stop = eitherSignal(signal, calledOff);
    try {
      const release = { root: next.root, environment: programEnvironment(env, next, config) };
      return await program.switchTo(release, prove, stop.signal);
    } finally {
      stop.clear();
    }
  }

  async prove(roots: DeployRoots, proof: Proof): Promise<void> {
    const { signal, facts } = this.#options;
    const environment = this.#checkEnvironment(roots);
    await this.#check({ ...proof, isOnce: false, environment, signal, facts });
  }

  /** Exec checks get what the script gets of both releases. */
  #checkEnvironment({ old, next, config }: DeployRoots): Record<string, string> {
    const from = { OLDID: old?.id ?? '', OLDROOT: old?.root ?? '' };
    return { ...programEnvironment(this.#options.env, next, config), ...from };
  }

  async #check({ isOnce, environment, died, calledOff, pid, signal, facts }: CheckRun): Promise<void> {
    const { program, settings, runAs, timers, log } = this.#options;
    const { health } = settings;
    if (died?.aborted === true) throw died.reason;
    if (health.checks.length === 0 && (isOnce || program === undefined)) return;
    const over = eitherSignal(died, calledOff);
    try {
      await proveHealthy({
        ...health,
        minHealthyMs: isOnce ? 0 : health.minHealthyMs,
        environment,
        as: runAs,
        timers,
        signal,
        program: program && { ports: program.ports, pid: () => pid ?? program.pid },
        died: over.signal,
        onAnswer: (answer, isNews) => reportCheck({ log, facts }, answer, isNews),
      });
    } finally {
      over.clear();
      facts.forgetChecks();
    }
  }

  requireInCharge({ next }: DeployRoots): void {
    const { program } = this.#options;
    if (program === undefined) return;
    const { root, died } = program;
    if (root !== next.root)
      throw new DeployError(
        'unhealthy',
        `the program in charge is not that of the release: it runs from ${root ?? 'nowhere'}`,
        { hint: 'find out what restarted it meanwhile' },
      );
    if (died?.aborted === true) throw died.reason;
  }

  get isRunning(): boolean {
    const { program } = this.#options;
    return program === undefined || program.root !== undefined;
  }

  get directories(): readonly string[] {
    return this.#options.program?.directories ?? [];
  }

  start(config: AgentConfig, root: string): void {
    const { program, env } = this.#options;
    program?.start(root, programEnvironment(env, { id: config.hash, root }, config));
  }

  async restart(signal: AbortSignal): Promise<void> {
    const { program } = this.#options;
    if (program?.root === undefined) return;
    const facts = new AttemptFacts(); // A restart is no part of the attempt that may be in progress.
    await program.restart(({ launch, pid }, end) => {
      const environment = { ...launch.environment, OLDID: '', OLDROOT: '' };
      return this.#check({ isOnce: true, environment, pid, signal: end, facts });
    }, signal);
  }
}

function reportCheck(
  { log, facts }: Pick<LocalHostOptions, 'log' | 'facts'>,
  answer: CheckAnswer,
  isNews: boolean,
): void {
  const check = describeCheck(answer.check);
  facts.checked(check, answer.status === 'critical' ? answer.answer : undefined);
  const words = `${check}: ${answer.answer}`;
  if (!isNews) {
    log.debug({ ms: answer.ms, status: answer.status }, words);
    return;
  }
  facts.log.push(`health ${answer.status}: ${words}`);
  log[answer.status === 'passing' ? 'info' : 'warn']({ ms: answer.ms, status: answer.status }, words);
}
