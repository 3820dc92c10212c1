import { rm, writeFile } from 'node:fs/promises';
import { type AgentConfig, encodeConfigJson } from '@deploy-tools/shared/config-json.js';

/**
 * Runs `work` while a file describes the configuration to a script (STATEFILE). The file is removed afterwards; a file of an
 * agent that was killed is replaced.
 * @param path in the agent's own directory, where no other program writes.
 */
export async function withScriptState<T>(
  path: string,
  config: AgentConfig,
  work: () => Promise<T>,
): Promise<T> {
  await removeScriptState(path);
  try {
    await writeFile(path, encodeConfigJson(config), { mode: 0o644, flag: 'wx' });
    return await work();
  } finally {
    await removeScriptState(path);
  }
}

export function removeScriptState(path: string): Promise<void> {
  return rm(path, { force: true });
}
