import type { AgentContext } from '../agent-context.js';
import { type CheckAnswer, describeCheck } from '../health/health-check.js';
import { proveHealthy } from '../health/prove-healthy.js';
import { inheritedEnvironment, type Root } from '../script/script-environment.js';

/**
 * Has the checks pass: all of them `once`, or without a break `for-long`, during which the supervised program must not
 * end: `died` tells of that.
 * @throws DeployError unhealthy, naming the check and its last answer; AbortError.
 */
export async function proveRelease(
  context: AgentContext,
  { root }: Root,
  how: 'once' | 'for-long',
  died: AbortSignal | undefined,
  signal: AbortSignal = context.signal,
): Promise<void> {
  if (died?.aborted === true) throw died.reason;
  const { health } = context.settings;
  if (health.checks.length === 0 && (how === 'once' || context.program === undefined)) return;
  await proveHealthy({
    ...health,
    minHealthyMs: how === 'once' ? 0 : health.minHealthyMs,
    environment: inheritedEnvironment(context.env),
    cwd: root,
    as: context.runAs,
    timers: context.timers,
    signal,
    died,
    onAnswer: (answer, changed) => tell(context, answer, changed),
  });
}

function tell({ log, facts }: AgentContext, answer: CheckAnswer, changed: boolean): void {
  const words = `${describeCheck(answer.check)}: ${answer.answer}`;
  if (!changed) {
    log.debug({ ms: answer.ms, status: answer.status }, words);
    return;
  }
  facts.log.push(`health ${answer.status}: ${words}`);
  log[answer.status === 'passing' ? 'info' : 'warn']({ ms: answer.ms, status: answer.status }, words);
}
