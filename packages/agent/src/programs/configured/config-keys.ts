import type { FlagSpec } from '@deploy-tools/shared/cli/flags.js';
import { AGENT_FLAGS } from '../flags/agent-flags.js';

/** Keys for all configurations together; besides them there are `labels` and `configurations`. */
const SHARED = 'addr fp known-hosts key dir host poll watch silence report max-bandwidth'.split(' ');
/** Flags that are no keys. */
const NOWHERE = 'config once v log-level log-format label source slot notify'.split(' ');

export const SHARED_KEYS: readonly FlagSpec[] = AGENT_FLAGS.filter(({ name }) => SHARED.includes(name));

/** Keys of each configuration; besides them there is `command`. */
export const CONFIGURATION_KEYS: readonly FlagSpec[] = AGENT_FLAGS.filter(
  ({ name }) => name === 'dir' || !(SHARED.includes(name) || NOWHERE.includes(name)),
);
