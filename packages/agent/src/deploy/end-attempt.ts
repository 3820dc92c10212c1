import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { DeployError, describeError } from '@deploy-tools/shared/errors.js';
import type { AgentContext } from './agent-context.js';
import type { Failure } from './attempt-result.js';
import { type DeployRoots, rootOf } from './deploy-roots.js';
import { isSameRevision } from './hold.js';
import type { Attempt } from './journal.js';
import { Superseded } from './wishes.js';

/** Logs the failure of the attempt and runs the failure hook. @returns the failure. */
export async function endFailed(context: AgentContext, failure: Failure): Promise<Failure> {
  const { ledger, log } = context;
  const { attempt, hold } = ledger.journal;
  if (attempt === undefined) return failure;
  if (isRolledBackByHand(attempt)) return failure; // The release has not failed.
  const { config, step } = attempt;
  const { failures, notBefore } = hold !== undefined && isSameRevision(hold, config) ? hold : {};
  const when = isAnotherWanted(context, config, failure.error)
    ? 'another release is wanted by now'
    : notBefore === undefined
      ? 'it waits for an operator who says retry'
      : 'it is retried later';
  const why = failure.error.message;
  log.warn({ hash: config.hash, state: step, failures, notBefore, why }, `deployment failed, ${when}`);
  await runLastHook(context, 'failure', rootsOf(context));
  return failure;
}

/** Whether the attempt was an operator's rollback and is done. */
export function isRolledBackByHand({ byHand, step }: Pick<Attempt, 'byHand' | 'step'>): boolean {
  return byHand === true && step === 'rolled-back';
}

function isAnotherWanted({ wishes }: AgentContext, { hash }: AgentConfig, error: DeployError): boolean {
  return error instanceof Superseded || wishes.wantsOther(hash);
}

/** Runs a hook that cannot change the outcome any more. Success and failure hooks get the attempt's log as standard input. */
export async function runLastHook(
  { host, facts, log }: AgentContext,
  hook: 'post' | 'success' | 'failure',
  roots: DeployRoots,
): Promise<void> {
  try {
    await host.run(hook, roots, hook === 'post' ? {} : { stdin: facts.log.text() });
  } catch (error) {
    log.error({ err: describeError(error) }, `the ${hook} hook failed; the result stays`);
  }
}

/** The releases of the attempt in flight, or of the last one. @throws DeployError internal before the first attempt. */
export function rootsOf({ ledger, paths }: Pick<AgentContext, 'ledger' | 'paths'>): DeployRoots {
  const { config, before, reason, number } = ledger.attempt;
  const old = before === undefined ? undefined : rootOf(paths.unpacked, before);
  return { old, next: rootOf(paths.unpacked, config), config, reason, attempt: number };
}

/** Whether a release that failed live may be retried without an operator; never while the host is `inconsistent`. */
export function mayRetry({ ledger, settings }: Pick<AgentContext, 'ledger' | 'settings'>): boolean {
  return settings.retryLive && ledger.journal.attempt?.step !== 'inconsistent';
}

/** The error of a release that is held until an operator says retry, or of an `inconsistent` host. */
export function stillHeld({ ledger }: Pick<AgentContext, 'ledger'>): DeployError {
  const { attempt } = ledger.journal;
  const hint =
    attempt?.step === 'inconsistent'
      ? 'see what runs on this host; the agent waits for another revision, or for an operator who says retry'
      : 'it failed live, and is held until another revision is wanted or an operator says retry; with -once, -retry-live retries it';
  return new DeployError('unhealthy', messageOf(attempt), { hint });
}

/** Why an attempt failed. */
export function messageOf(attempt: Attempt | undefined): string {
  return attempt?.error?.message ?? 'the last deployment failed, and so did the rollback';
}
