import { flag } from '@deploy-tools/shared/cli/flag-table.js';
import type { FlagSpec } from '@deploy-tools/shared/cli/flags.js';
import { LOG_FORMAT_FLAG } from '@deploy-tools/shared/log-format.js';
import { SYNC_FLAGS } from '../../place/sync/destination.js';
import { HEALTH_FLAGS } from '../../process/health/health-flags.js';
import type { Hook } from '../../process/script/run-hook.js';
import { SUPERVISE_FLAGS } from '../../process/supervise/supervise-flags.js';

/** Flags of an agent that follows a source by itself, without a registry (docs/agent-sources.md). */
const SOURCE_FLAGS = [
  flag.text(
    'source',
    'follow this place instead of a registry: ghr://owner/repo, s3://, gs://, grpc://, img://, file://',
  ),
  flag.text('slot', 'with -source: only versions with this build metadata, such as blue of 1.2.3+blue'),
  flag.list(
    'notify',
    'with -source: notify this receiver of deployments: slack://, smtp://, webhook+https://, exec://',
  ),
] as const satisfies readonly FlagSpec[];

const HOOK_HELP = {
  pre: 'before anything is fetched; not 0: nothing is done, 75: not now',
  prepare: 'in the staged release, before the script; not 0: nothing is changed, 75: not now',
  validate: 'after the health checks passed; not 0: the release has failed',
  post: 'after the release is healthy',
  success: 'at the end, with the log on standard input',
  failure: 'at the end of a failed deployment, with the log on standard input',
  rollback: 'in a rollback, before the script',
} as const satisfies Record<Exclude<Hook, 'script'>, string>;

const HOOK_FLAGS = (Object.keys(HOOK_HELP) as (keyof typeof HOOK_HELP)[]).map((hook) =>
  flag.text(`hook-${hook}`, `program to run ${HOOK_HELP[hook]}`),
);

/** Flags of an agent that follows a registry: the Go agent's first, then ours. */
export const REGISTRY_AGENT_FLAGS = [
  flag.text('addr', 'registry address (host:port)', { default: 'localhost:2022' }),
  flag.text('name', 'configuration to track'),
  flag.text('config', 'YAML file with several configurations, instead of the other flags'),
  flag.text('fp', 'registry server key fingerprint; without it ~/.ssh/known_hosts is used'),
  flag.text(
    'key',
    'ssh private key to use, without a passphrase; id_ecdsa, id_ed25519 or id_rsa here or in ~/.ssh without it',
  ),
  flag.text('dir', 'directory to store downloaded and unpacked files', { default: '.' }),
  flag.text(
    'script',
    'script to run on deploys, empty for none; ./deploy.sh without, and none with a program after -- or -source',
  ),
  flag.text('state', 'file to save state to', { default: 'state.json' }),
  flag.duration('poll', 'interval between polls of the registry, or the source', { default: '30s' }),
  flag.bool('cleanold', 'remove unreferenced unpacked files after successful switch'),
  flag.bool('v', "be more chatty about what's happening (same as -log-level debug)"),
  flag.bool('once', 'poll once, deploy if needed, and exit with its result'),
  flag.bool('watch', 'have the registry announce changes at once', { default: 'true' }),
  flag.duration('silence', 'give up a connection on which a watching agent hears nothing for so long', {
    default: '45s',
  }),
  flag.text('user', 'run scripts, hooks, checks and the program as this user (root only)'),
  flag.duration('script-timeout', 'stop the script, or a hook, after this long', { default: '10m0s' }),
  ...HOOK_FLAGS,
  ...HEALTH_FLAGS,
  flag.text(
    'rollback',
    'true, false, or auto: a failed release is rolled back when checks, hooks, a program or -dest are configured',
    { default: 'auto' },
  ),
  flag.bool(
    'retry-live',
    'try a release again by itself also when it failed live; without, an operator has to say retry',
  ),
  flag.int(
    'keep',
    'releases to keep, besides those that are needed; without, 5 and those that the Go deploy-agent made',
    { min: 0 },
  ),
  ...SYNC_FLAGS,
  ...SUPERVISE_FLAGS,
  flag.text('host', 'name that the registry knows this host by; its own without'),
  flag.list('label', 'KEY=VALUE that the registry shows with this host'),
  flag.bool('report', 'report to the registry, or to a source that records it, what happens here', {
    default: 'true',
  }),
  flag.text('known-hosts', 'known_hosts file to use instead of ~/.ssh/known_hosts'),
  flag.list('allow', 'let archives hold outside-links, devices, fifos or setid bits'),
  flag.bool('owner', "keep the archives' owners (root only); otherwise files belong to the agent's user"),
  flag.text(
    'reuse',
    'how unchanged files come into a new release: reflink, copy, hardlink (an edit in place then reaches the old release too), off, or auto: reflink or else copy',
    { default: 'auto' },
  ),
  flag.int('max-entries', 'most entries of one release', { default: '1000000' }),
  flag.size('max-size', 'most bytes of one release, unpacked', { default: '50GB' }),
  flag.int('max-ratio', 'most bytes unpacked from one byte of archive', { default: '1000' }),
  flag.text('log-level', 'trace, debug, info, warn, error, fatal or silent', { default: 'info' }),
  LOG_FORMAT_FLAG,
] as const satisfies readonly FlagSpec[];

export const AGENT_FLAGS = [...REGISTRY_AGENT_FLAGS, ...SOURCE_FLAGS] as const satisfies readonly FlagSpec[];
