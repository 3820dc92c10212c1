import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import type { AgentContext } from './agent-context.js';
import { writeState } from './state-file.js';

/** The release is proven: it is the last good one from now on, durably, and its failures are forgotten. */
export function commit(context: AgentContext, config: AgentConfig): void {
  writeState(context.paths.state, config);
  context.ledger.step('prove');
}
