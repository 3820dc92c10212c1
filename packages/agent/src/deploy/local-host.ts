import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { DeployError, describeError } from '@deploy-tools/shared/errors.js';
import { eitherSignal } from '../host/either-signal.js';
import { processIdentity } from '../host/process-identity.js';
import { type CheckAnswer, describeCheck } from '../process/health/health-check.js';
import { proveHealthy } from '../process/health/prove-healthy.js';
import { type Hook, type HookOutcome, runHook } from '../process/script/run-hook.js';
import { programEnvironment, scriptEnvironment } from '../process/script/script-environment.js';
import { withScriptState } from '../process/script/script-state.js';
import type { Prove } from '../process/supervise/supervisor.js';
import type { ContextParts, LoopParts } from './agent-context.js';
import { AttemptFacts } from './attempt-facts.js';
import type { DeployRoots } from './deploy-roots.js';
import type { HookInput, Host, Proof } from './host.js';

/** One run of all checks, or their proof over time. */
interface CheckRun extends Proof {
  readonly isOnce: boolean;
  readonly environment: Readonly<Record<string, string>>;
  /** The process of the supervised program to check; undefined for the one in charge. */
  readonly pid?: number;
  readonly signal: AbortSignal;
  readonly facts: Readonly<AttemptFacts>;
}

/** The host that the agent runs on. */
export class LocalHost implements Host {
  readonly #parts: ContextParts & LoopParts;

  constructor(parts: ContextParts & LoopParts) {
    this.#parts = parts;
  }

  async run(hook: Hook, roots: DeployRoots, input: HookInput = {}): Promise<HookOutcome> {
    const { settings, paths, ledger } = this.#parts;
    const command = hook === 'script' ? settings.script : settings.hooks[hook];
    if (command === undefined) return 'done';
    try {
      return await withScriptState(paths.scriptState, roots.config, () =>
        this.#runLogged(hook, command, { ...input, roots }),
      );
    } finally {
      // If this fails, the next agent looks for the script and does not find it.
      if (ledger.journal.script !== undefined) this.#recordScript(undefined);
    }
  }

  async #runLogged(
    hook: Hook,
    command: string,
    { roots, ...input }: HookInput & { readonly roots: DeployRoots },
  ): Promise<HookOutcome> {
    const { settings, log, facts, runAs, output } = this.#parts;
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
      beforeRun: (pid) => {
        // If this agent is killed, the next one waits for the script.
        const script = processIdentity(pid);
        if (script !== undefined) this.#recordScript(script);
      },
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
    const { env, paths } = this.#parts;
    return {
      ...scriptEnvironment(env, { old, next, config, stateFile: paths.scriptState }),
      REASON: reason,
      CONFIG: config.name,
      REVISION: String(config.revision ?? ''),
      ATTEMPT: String(attempt),
    };
  }

  /** @param script the running script or hook, as processIdentity names it; undefined when it has ended. */
  #recordScript(script: string | undefined): void {
    const { ledger, log } = this.#parts;
    try {
      ledger.script(script);
    } catch (error) {
      const what = script === undefined ? 'end' : 'start';
      log.warn({ err: describeError(error) }, `cannot record the ${what} of the script in the journal`);
    }
  }

  async switchProgram(roots: DeployRoots, calledOff: AbortSignal): Promise<AbortSignal | undefined> {
    const { program, env, signal, facts } = this.#parts;
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
    const { signal, facts } = this.#parts;
    const environment = this.#checkEnvironment(roots);
    await this.#check({ ...proof, isOnce: false, environment, signal, facts });
  }

  /** The environment of exec checks: as the script, they get both releases. */
  #checkEnvironment({ old, next, config }: DeployRoots): Record<string, string> {
    const from = { OLDID: old?.id ?? '', OLDROOT: old?.root ?? '' };
    return { ...programEnvironment(this.#parts.env, next, config), ...from };
  }

  async #check({ isOnce, environment, died, calledOff, pid, signal, facts }: CheckRun): Promise<void> {
    const { program, settings, runAs, timers } = this.#parts;
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
        onAnswer: (answer, isNews) => this.#reportAnswer(facts, answer, isNews),
      });
    } finally {
      over.clear();
      facts.forgetChecks();
    }
  }

  #reportAnswer(facts: CheckRun['facts'], { check, answer, status, ms }: CheckAnswer, isNews: boolean): void {
    const { log } = this.#parts;
    const name = describeCheck(check);
    facts.checked(name, status === 'critical' ? answer : undefined);
    if (isNews) facts.log.push(`health ${status}: ${name}: ${answer}`);
    const level = !isNews ? 'debug' : status === 'passing' ? 'info' : 'warn';
    log[level]({ ms, status }, `${name}: ${answer}`);
  }

  requireInCharge({ next }: DeployRoots): void {
    const { program } = this.#parts;
    if (program === undefined) return;
    const { root, died } = program;
    if (root !== next.root)
      throw new DeployError(
        'unhealthy',
        `the program in charge is not the release's: it runs from ${root ?? 'nowhere'}`,
        { hint: 'find out what restarted it meanwhile' },
      );
    if (died?.aborted === true) throw died.reason;
  }

  get isRunning(): boolean {
    const { program } = this.#parts;
    return program === undefined || program.root !== undefined;
  }

  get directories(): readonly string[] {
    return this.#parts.program?.directories ?? [];
  }

  start(config: AgentConfig, root: string): void {
    const { program, env } = this.#parts;
    program?.start(root, programEnvironment(env, { id: config.hash, root }, config));
  }

  async restart(signal: AbortSignal): Promise<void> {
    const { program } = this.#parts;
    if (program?.root === undefined) return;
    const facts = new AttemptFacts(); // A restart is no part of the attempt that may be in progress.
    await program.restart(({ launch, pid }, end) => {
      const environment = { ...launch.environment, OLDID: '', OLDROOT: '' };
      return this.#check({ isOnce: true, environment, pid, signal: end, facts });
    }, signal);
  }
}
