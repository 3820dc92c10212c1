import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import type { Sessions } from '../release/fetch/sessions.js';
import type { AgentContext } from './agent-context.js';

/** A place that releases come from without a registry. */
export interface Releases {
  /** What is wanted here; its archives are in the cache then. @throws DeployError as the place says. */
  wanted(context: AgentContext): Promise<AgentConfig>;
  /** Has the archives of what was wanted once in the cache again. @throws DeployError not-found, corrupt, as the place says. */
  fetch(context: AgentContext, config: AgentConfig): Promise<void>;
  /** After the place could not be used: how long to leave it alone, in milliseconds; undefined when it could. */
  patience(): number | undefined;
}

/** What a look works with: sessions with a registry, or another place. */
export type Upstream = Sessions | Releases;

export function isWithoutRegistry<T extends object>(upstream: T | Releases): upstream is Releases {
  return 'wanted' in upstream;
}
