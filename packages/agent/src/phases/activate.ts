import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { describeError } from '@deploy-tools/shared/errors.js';
import type { AgentContext } from '../agent-context.js';
import { type Attempts, beginScript, readAttempts, writeAttempts } from '../attempts.js';
import { bootId, processIdentity } from '../host-process.js';
import { runScript } from '../script/run-script.js';
import { type Root, scriptEnvironment } from '../script/script-environment.js';
import { withScriptState } from '../script/script-state.js';

/**
 * Runs the deploy script for a complete release, unless the agent is to stop already. A running one is not interrupted:
 * half a deployment is worse than a late exit; its timeout bounds it.
 * @throws DeployError script; AbortError.
 */
export async function activate(
  context: AgentContext,
  before: AgentConfig | undefined,
  config: AgentConfig,
  root: string,
): Promise<void> {
  const { settings, log, env, paths } = context;
  const { script } = settings;
  if (script === undefined) return;
  context.signal.throwIfAborted();
  const begun = rememberBegin(context, config.hash);
  await withScriptState(paths.scriptState, config, async () => {
    const old = before === undefined ? undefined : oldRoot(context, paths.unpacked, before);
    const next = { id: config.hash, root };
    const environment = scriptEnvironment(env, old, next, config, paths.scriptState);
    log.info({ script, old: old?.root, new: root }, 'running the script');
    const started = performance.now();
    await runScript({
      script,
      environment,
      timeoutMs: settings.scriptTimeoutMs,
      onStart: (pid) => rememberScript(context, begun, pid),
      onLine: (stream, line) => log.info({ stream }, line),
    });
    log.info({ ms: Math.round(performance.now() - started) }, 'the script succeeded');
  });
}

function rememberBegin(context: AgentContext, hash: string): Attempts {
  const { attempts } = context.paths;
  const begun = beginScript(readAttempts(attempts), { hash, unpackedIn: bootId() }, context.clock());
  writeAttempts(attempts, begun);
  return begun;
}

/** So that an agent after this one, should it be killed, waits for the script. */
function rememberScript(context: AgentContext, begun: Attempts, pid: number): void {
  const script = processIdentity(pid);
  if (script === undefined) return; // ended already
  try {
    writeAttempts(context.paths.attempts, { ...begun, script });
  } catch (error) {
    context.log.warn({ err: describeError(error) }, 'that the script runs cannot be recorded');
  }
}

function oldRoot(context: AgentContext, unpacked: string, before: AgentConfig): Root {
  const root = join(unpacked, before.hash);
  if (!existsSync(root)) context.log.warn({ root }, 'the directory of the old release is gone');
  return { id: before.hash, root };
}
