import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import type { AgentContext } from '../agent-context.js';
import { writeAttempts } from '../attempts.js';
import { writeState } from '../state-file.js';

/** The release runs: remembers it, durably, and forgets failures. */
export function commit(context: AgentContext, config: AgentConfig): void {
  writeState(context.paths.state, config);
  writeAttempts(context.paths.attempts, undefined);
}
