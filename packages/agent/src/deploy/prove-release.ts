import { eitherSignal } from '../host/either-signal.js';
import { type CheckAnswer, describeCheck } from '../process/health/health-check.js';
import { proveHealthy } from '../process/health/prove-healthy.js';
import { programEnvironment } from '../process/script/script-environment.js';
import type { AgentContext } from './agent-context.js';
import type { DeployRoots } from './deploy-roots.js';

export interface Proof {
  /** All checks once, or without a break for as long as the settings say. */
  readonly how: 'once' | 'for-long';
  /** Of exec checks. */
  readonly environment: Readonly<Record<string, string>>;
  /** Aborted when the supervised program ends, which it must not. */
  readonly died?: AbortSignal | undefined;
  /** The process of the supervised program that is asked; undefined for the one in charge. */
  readonly pid?: number;
  /** Ends it likewise, where there is something to prove. */
  readonly calledOff?: AbortSignal;
  /** Calls it off; that of the context without. */
  readonly signal?: AbortSignal;
}

/** What exec checks are told: what the script is, of what is gone from and what is gone to. */
export function checkEnvironment(
  { env }: AgentContext,
  { old, next, config }: DeployRoots,
): Record<string, string> {
  const from = { OLDID: old?.id ?? '', OLDROOT: old?.root ?? '' };
  return { ...programEnvironment(env, next, config), ...from };
}

/**
 * Has the checks pass.
 * @throws DeployError unhealthy, naming the check and its last answer; the reason of `died` or `calledOff`; AbortError.
 */
export async function proveRelease(context: AgentContext, proof: Proof): Promise<void> {
  const { how, environment, died, calledOff, pid, signal = context.signal } = proof;
  if (died?.aborted === true) throw died.reason;
  const { program } = context;
  const { health } = context.settings;
  if (health.checks.length === 0 && (how === 'once' || program === undefined)) return;
  const over = eitherSignal(died, calledOff);
  try {
    await proveHealthy({
      ...health,
      minHealthyMs: how === 'once' ? 0 : health.minHealthyMs,
      environment,
      as: context.runAs,
      timers: context.timers,
      signal,
      program: program && { ports: program.ports, pid: () => pid ?? program.pid },
      died: over.signal,
      onAnswer: (answer, changed) => tell(context, answer, changed),
    });
  } finally {
    over.clear();
    context.facts.forgetChecks();
  }
}

function tell({ log, facts }: AgentContext, answer: CheckAnswer, changed: boolean): void {
  const check = describeCheck(answer.check);
  facts.checked(check, answer.status === 'critical' ? answer.answer : undefined);
  const words = `${check}: ${answer.answer}`;
  if (!changed) {
    log.debug({ ms: answer.ms, status: answer.status }, words);
    return;
  }
  facts.log.push(`health ${answer.status}: ${words}`);
  log[answer.status === 'passing' ? 'info' : 'warn']({ ms: answer.ms, status: answer.status }, words);
}
