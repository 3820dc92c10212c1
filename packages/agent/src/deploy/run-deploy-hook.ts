import { describeError } from '@deploy-tools/shared/errors.js';
import { processIdentity } from '../host/process-identity.js';
import { type Hook, type HookOutcome, runHook } from '../process/script/run-hook.js';
import { scriptEnvironment } from '../process/script/script-environment.js';
import { withScriptState } from '../process/script/script-state.js';
import type { AgentContext } from './agent-context.js';
import type { DeployRoots } from './deploy-roots.js';

/**
 * Runs a hook, or the script, where one is configured. A running one is not interrupted when the agent is to stop:
 * half a deployment is worse than a late exit; its timeout bounds it.
 * @param more where it runs, and what it reads from standard input.
 * @throws DeployError script.
 */
export async function runDeployHook(
  context: AgentContext,
  hook: Hook,
  roots: DeployRoots,
  more: { readonly cwd?: string; readonly stdin?: string } = {},
): Promise<HookOutcome> {
  const { settings } = context;
  const command = hook === 'script' ? settings.script : settings.hooks[hook];
  if (command === undefined) return 'done';
  try {
    return await withScriptState(context.paths.scriptState, roots.config, () =>
      runLogged(context, hook, command, roots, more),
    );
  } finally {
    if (context.ledger.journal.script !== undefined) forgetScript(context);
  }
}

async function runLogged(
  context: AgentContext,
  hook: Hook,
  command: string,
  roots: DeployRoots,
  more: { readonly cwd?: string; readonly stdin?: string },
): Promise<HookOutcome> {
  const { settings, log, facts, paths, runAs } = context;
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
    ...more,
    environment: environmentOf(context, roots, paths.scriptState),
    timeoutMs: settings.scriptTimeoutMs,
    as: runAs,
    output: context.output,
    beforeRun: (pid) => rememberScript(context, pid),
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

function environmentOf(
  { env }: AgentContext,
  { old, next, config, reason, attempt }: DeployRoots,
  stateFile: string,
): Record<string, string> {
  return {
    ...scriptEnvironment(env, old, next, config, stateFile),
    REASON: reason,
    CONFIG: config.name,
    REVISION: String(config.revision ?? ''),
    ATTEMPT: String(attempt),
  };
}

/** So that an agent after this one, should it be killed, waits for the script. */
function rememberScript(context: AgentContext, pid: number): void {
  const script = processIdentity(pid);
  if (script === undefined) return; // ended already
  try {
    context.ledger.script(script);
  } catch (error) {
    context.log.warn({ err: describeError(error) }, 'that the script runs cannot be recorded');
  }
}

/** It is only looked for, and not found, when this cannot be written. */
function forgetScript(context: AgentContext): void {
  try {
    context.ledger.script(undefined);
  } catch (error) {
    context.log.warn({ err: describeError(error) }, 'that the script has ended cannot be recorded');
  }
}
