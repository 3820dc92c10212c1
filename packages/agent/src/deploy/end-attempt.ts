import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { DeployError, describeError } from '@deploy-tools/shared/errors.js';
import type { AgentContext } from './agent-context.js';
import { Superseded } from './called-off.js';
import { type DeployRoots, rootOf } from './deploy-roots.js';
import { isSameRevision } from './hold.js';
import type { Attempt } from './journal.js';
import { runDeployHook } from './run-deploy-hook.js';

/** The attempt has failed, whatever runs now. @returns the error. */
export async function endFailed(context: AgentContext, error: DeployError): Promise<DeployError> {
  const { ledger, log } = context;
  const { attempt, hold } = ledger.journal;
  if (attempt === undefined) return error;
  if (attempt.byHand === true && attempt.step === 'rolled-back') return error; // nothing has failed
  const { config, step } = attempt;
  const { failures, notBefore } = hold !== undefined && isSameRevision(hold, config) ? hold : {};
  const when = isWantedNoMore(context, config, error)
    ? 'another release is wanted by now'
    : notBefore === undefined
      ? 'it is not tried again by itself'
      : 'it is tried again later';
  log.warn({ hash: config.hash, state: step, failures, notBefore }, `deployment failed, ${when}`);
  await lastHook(context, 'failure', rootsOf(context));
  return error;
}

function isWantedNoMore({ wishes }: AgentContext, { hash }: AgentConfig, error: DeployError): boolean {
  return error instanceof Superseded || wishes.wantsOther(hash);
}

/** Hooks that cannot change the outcome any more; success and failure read the log of the attempt. */
export async function lastHook(
  context: AgentContext,
  hook: 'post' | 'success' | 'failure',
  roots: DeployRoots,
): Promise<void> {
  try {
    const stdin = hook === 'post' ? {} : { stdin: context.facts.log.text() };
    await runDeployHook(context, hook, roots, stdin);
  } catch (error) {
    context.log.error({ err: describeError(error) }, `the ${hook} hook failed, which changes nothing`);
  }
}

/** From the release before to that of the attempt in flight, or of the last one. @throws DeployError internal. */
export function rootsOf({ ledger, paths }: AgentContext): DeployRoots {
  const { attempt } = ledger.journal;
  if (attempt === undefined) throw new DeployError('internal', 'no attempt was begun');
  const { config, before, reason, number } = attempt;
  const old = before === undefined ? undefined : rootOf(paths.unpacked, before);
  return { old, next: rootOf(paths.unpacked, config), config, reason, attempt: number };
}

/** Whether what failed live may be tried again without a word of anybody; never what left the host `inconsistent`. */
export function mayRetry({ ledger, settings }: AgentContext): boolean {
  return settings.retryLive && ledger.journal.attempt?.step !== 'inconsistent';
}

/** What is told of a release that is held until somebody says retry, or of a host that was left `inconsistent`. */
export function stillHeld({ ledger }: AgentContext): DeployError {
  const { attempt } = ledger.journal;
  const hint =
    attempt?.step === 'inconsistent'
      ? 'see what runs on this host; nothing is done before another revision is wanted or somebody says retry'
      : 'it failed live, and is held until another revision is wanted or somebody says retry; with -once, -retry-live tries it again';
  return new DeployError('unhealthy', messageOf(attempt), { hint });
}

/** Why an attempt failed, as far as that is known. */
export function messageOf(attempt: Attempt | undefined): string {
  return attempt?.error?.message ?? 'the last deployment failed, and going back too';
}
