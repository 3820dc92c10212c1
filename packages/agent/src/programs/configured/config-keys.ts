import type { FlagSpec } from '@deploy-tools/shared/cli/flags.js';
import { AGENT_FLAGS } from '../flags/agent-flags.js';

/** Keys of the file itself: what all configurations share. `labels` and `configurations` come beside. */
const SHARED: readonly string[] = [
  'addr',
  'fp',
  'known-hosts',
  'key',
  'dir',
  'host',
  'poll',
  'watch',
  'silence',
  'report',
  'max-bandwidth',
];
/** Only on the command line. */
const NOWHERE: readonly string[] = [
  'config',
  'once',
  'v',
  'log-level',
  'log-format',
  'label',
  'source',
  'slot',
  'notify',
];

export const SHARED_KEYS: readonly FlagSpec[] = AGENT_FLAGS.filter(({ name }) => SHARED.includes(name));

/** Keys of each configuration; `command` comes beside. */
export const CONFIGURATION_KEYS: readonly FlagSpec[] = AGENT_FLAGS.filter(
  ({ name }) => name === 'dir' || !(SHARED.includes(name) || NOWHERE.includes(name)),
);
