import { flag } from '@deploy-tools/shared/cli/flag-table.js';
import type { FlagSpec, FlagValues } from '@deploy-tools/shared/cli/flags.js';
import { MAX_TIMER_MS } from '@deploy-tools/shared/duration.js';
import { DeployError, describeError } from '@deploy-tools/shared/errors.js';
import { AGENT_FLAGS } from '../flags/agent-flags.js';
import { ownershipOf, policyOf } from '../flags/agent-settings.js';
import type { DeployFileSettings } from './deploy-context.js';
import { parseSeconds } from './parse-deploy-file.js';

/** A flag of the agent that this program has too. */
function agentFlag<const Name extends string>(
  name: Name,
): Extract<(typeof AGENT_FLAGS)[number], { name: Name }> {
  const flag = AGENT_FLAGS.find((known) => known.name === name);
  if (flag === undefined) throw new DeployError('internal', `the agent has no flag ${name}`);
  return flag as Extract<(typeof AGENT_FLAGS)[number], { name: Name }>;
}

/** stretcher's flags first, then ours. */
export const DEPLOY_FILE_FLAGS = [
  flag.size('max-bandwidth', 'most bytes a second to download: 10MB', { min: 1 }),
  flag.text('random-delay', 'wait a random part of this first: 10s, or 10', { default: '0' }),
  flag.int('retry', 'further attempts to download', { default: '0', min: 0 }),
  flag.text('retry-wait', 'time between them: 3s, or 3', { default: '3s' }),
  flag.text('rsync-verbose', 'whether the log names each file that changes: empty for no', { default: '-v' }),
  flag.text('timeout', 'most time for each download, with all attempts: 5m, or 300'),
  flag.bool('v', 'print the version and exit'),
  flag.text('url', 'URL of the manifest, instead of standard input'),
  flag.text('busy', 'while another deployment to the same place is in progress: wait for it, or refuse', {
    default: 'wait',
  }),
  flag.text(
    'allowed-signers',
    'file that says whose SSH signature an archive has to have (ssh-keygen(1), ALLOWED SIGNERS)',
  ),
  flag.bool('signed-manifest', 'ask for a signature of the manifest too, at URL.sig'),
  flag.int('keep', 'releases to keep with sync_strategy release', { default: '5', min: 0 }),
  agentFlag('allow'),
  agentFlag('owner'),
  agentFlag('max-entries'),
  agentFlag('max-size'),
  agentFlag('max-ratio'),
] as const satisfies readonly FlagSpec[];

export type DeployFileFlags = FlagValues<typeof DEPLOY_FILE_FLAGS>;

/** @throws DeployError usage. */
export function deployFileSettings(flags: DeployFileFlags): DeployFileSettings {
  const { busy, retry, timeout } = flags;
  if (busy !== 'wait' && busy !== 'refuse') {
    throw new DeployError('usage', `invalid value "${busy}" for flag -busy`, { hint: 'use wait or refuse' });
  }
  if (flags['signed-manifest'] && !flags['allowed-signers'])
    throw new DeployError('usage', '-signed-manifest needs -allowed-signers: whose signature counts');
  const timeoutMs = timeout === undefined ? 0 : secondsOf('timeout', timeout);
  return {
    maxBytesPerSecond: flags['max-bandwidth'],
    randomDelayMs: secondsOf('random-delay', flags['random-delay']),
    retries: {
      count: retry,
      waitMs: secondsOf('retry-wait', flags['retry-wait']),
      timeoutMs: timeoutMs === 0 ? undefined : timeoutMs,
    },
    verbose: flags['rsync-verbose'] !== '',
    waits: busy === 'wait',
    allowedSigners: flags['allowed-signers'] || undefined,
    signedDeployFile: flags['signed-manifest'],
    keep: flags.keep,
    policy: policyOf(flags),
    ownership: ownershipOf(flags),
  };
}

function secondsOf(name: string, text: string): number {
  try {
    const ms = parseSeconds(text);
    if (ms >= 0 && ms <= MAX_TIMER_MS) return ms;
    throw new DeployError('usage', 'out of bounds', { hint: 'give at least 0, and less than 24 days' });
  } catch (error) {
    throw new DeployError('usage', `flag -${name}: ${describeError(error)}`, { cause: error });
  }
}
