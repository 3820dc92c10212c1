import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AgentConfig, encodeConfigJson } from '@deploy-tools/shared/config-json.js';
import type { AgentContext } from '../agent-context.js';
import { runScript } from '../script/run-script.js';
import { type Root, scriptEnvironment } from '../script/script-environment.js';

/**
 * Runs the deploy script for a complete release. It is not interrupted when the agent is to stop: half a deployment is
 * worse than a late exit; its timeout bounds it.
 * @throws DeployError script.
 */
export async function activate(
  context: AgentContext,
  before: AgentConfig | undefined,
  config: AgentConfig,
  root: string,
): Promise<void> {
  const { settings, log, env, paths } = context;
  if (settings.script === undefined) return;
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
      onLine: (stream, line) => log.info({ stream }, line),
    });
    log.info({ ms: Math.round(performance.now() - started) }, 'the script succeeded');
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

function oldRoot(context: AgentContext, unpacked: string, before: AgentConfig): Root {
  const root = join(unpacked, before.hash);
  if (!existsSync(root)) context.log.warn({ root }, 'the directory of the old release is gone');
  return { id: before.hash, root };
}
