import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AgentConfig, encodeConfigJson } from '@deploy-tools/shared/config-json.js';
import { describeError } from '@deploy-tools/shared/errors.js';
import type { AgentContext } from '../agent-context.js';
import { type Attempts, beginScript, readAttempts, writeAttempts } from '../attempts.js';
import { bootId, processIdentity } from '../host-process.js';
import { runScript } from '../script/run-script.js';
import { type Root, scriptEnvironment } from '../script/script-environment.js';

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
  if (settings.script === undefined) return;
  context.signal.throwIfAborted();
  const begun = rememberBegin(context, config.hash);
  const temporary = await mkdtemp(join(tmpdir(), 'deploy-agent-'));
  try {
    const stateFile = join(temporary, 'state.json');
    await writeFile(stateFile, encodeConfigJson(config), { mode: 0o644 });
    const old = before === undefined ? undefined : oldRoot(context, paths.unpacked, before);
    const environment = scriptEnvironment(env, old, { id: config.hash, root }, config, stateFile);
    log.info({ script: settings.script, old: old?.root, new: root }, 'running the script');
    const started = performance.now();
    await runScript({
      script: settings.script,
      environment,
      timeoutMs: settings.scriptTimeoutMs,
      onStart: (pid) => rememberScript(context, begun, pid),
      onLine: (stream, line) => log.info({ stream }, line),
    });
    log.info({ ms: Math.round(performance.now() - started) }, 'the script succeeded');
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
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
