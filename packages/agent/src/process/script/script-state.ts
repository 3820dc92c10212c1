import { rm, writeFile } from 'node:fs/promises';
import { type AgentConfig, encodeConfigJson } from '@deploy-tools/shared/config-json.js';

/**
 * Works while a file tells a script of its configuration (STATEFILE). It is gone afterwards; one that an agent left which
 * was killed is replaced, so there is never more than one.
 * @param path in the agent's own directory: nobody else writes there.
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

/** Removes the state file; a missing one is not an error. */
export function removeScriptState(path: string): Promise<void> {
  return rm(path, { force: true });
}
