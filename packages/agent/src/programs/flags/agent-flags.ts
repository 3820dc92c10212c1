import type { FlagSpec } from '@deploy-tools/shared/cli/flags.js';
import { LOG_FORMAT_FLAG } from '@deploy-tools/shared/log-format.js';
import { SYNC_FLAGS } from '../../place/sync/sync-flags.js';
import { HEALTH_FLAGS } from '../../process/health/health-flags.js';
import type { Hook } from '../../process/script/run-hook.js';
import { SUPERVISE_FLAGS } from '../../process/supervise/supervise-flags.js';

/** Flags of an agent that follows a source by itself, without a registry (docs/agent-sources.md). */
const SOURCE_FLAGS = [
  {
    name: 'source',
    type: 'string',
    help: 'follow this place instead of a registry: ghr://owner/repo, s3://, gs://, grpc://, img://, file://',
  },
  {
    name: 'slot',
    type: 'string',
    help: 'with -source: only versions with this build metadata, such as blue of 1.2.3+blue',
  },
  {
    name: 'notify',
    type: 'list',
    help: 'with -source: notify this receiver of deployments: slack://, smtp://, webhook+https://, exec://',
  },
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

const HOOK_FLAGS = (Object.keys(HOOK_HELP) as (keyof typeof HOOK_HELP)[]).map(
  (hook) => ({ name: `hook-${hook}`, type: 'string', help: `program to run ${HOOK_HELP[hook]}` }) as const,
);

/** Flags of an agent that follows a registry: the Go agent's first, then ours. */
export const REGISTRY_AGENT_FLAGS = [
  { name: 'addr', type: 'string', help: 'registry address (host:port)', default: 'localhost:2022' },
  { name: 'name', type: 'string', help: 'configuration to track' },
  {
    name: 'config',
    type: 'string',
    help: 'YAML file with several configurations, instead of the other flags',
  },
  {
    name: 'fp',
    type: 'string',
    help: 'registry server key fingerprint; without it ~/.ssh/known_hosts is used',
  },
  {
    name: 'key',
    type: 'string',
    help: 'ssh private key to use, without a passphrase; id_ecdsa, id_ed25519 or id_rsa here or in ~/.ssh without it',
  },
  { name: 'dir', type: 'string', help: 'directory to store downloaded and unpacked files', default: '.' },
  {
    name: 'script',
    type: 'string',
    help: 'script to run on deploys, empty for none; ./deploy.sh without, and none with a program after -- or -source',
  },
  { name: 'state', type: 'string', help: 'file to save state to', default: 'state.json' },
  {
    name: 'poll',
    type: 'duration',
    help: 'interval between polls of the registry, or the source',
    default: '30s',
  },
  { name: 'cleanold', type: 'bool', help: 'remove unreferenced unpacked files after successful switch' },
  { name: 'v', type: 'bool', help: "be more chatty about what's happening (same as -log-level debug)" },
  { name: 'once', type: 'bool', help: 'poll once, deploy if needed, and exit with its result' },
  { name: 'watch', type: 'bool', help: 'have the registry announce changes at once', default: 'true' },
  {
    name: 'silence',
    type: 'duration',
    help: 'give up a connection on which a watching agent hears nothing for so long',
    default: '45s',
  },
  {
    name: 'user',
    type: 'string',
    help: 'run scripts, hooks, checks and the program as this user (root only)',
  },
  {
    name: 'script-timeout',
    type: 'duration',
    help: 'stop the script, or a hook, after this long',
    default: '10m0s',
  },
  ...HOOK_FLAGS,
  ...HEALTH_FLAGS,
  {
    name: 'rollback',
    type: 'string',
    help: 'true, false, or auto: a failed release is rolled back when checks, hooks, a program or -dest are configured',
    default: 'auto',
  },
  {
    name: 'retry-live',
    type: 'bool',
    help: 'try a release again by itself also when it failed live; without, an operator has to say retry',
  },
  {
    name: 'keep',
    type: 'int',
    help: 'releases to keep, besides those that are needed; without, 5 and those that the Go deploy-agent made',
    min: 0,
  },
  ...SYNC_FLAGS,
  ...SUPERVISE_FLAGS,
  { name: 'host', type: 'string', help: 'name that the registry knows this host by; its own without' },
  { name: 'label', type: 'list', help: 'KEY=VALUE that the registry shows with this host' },
  {
    name: 'report',
    type: 'bool',
    help: 'report to the registry, or to a source that records it, what happens here',
    default: 'true',
  },
  { name: 'known-hosts', type: 'string', help: 'known_hosts file to use instead of ~/.ssh/known_hosts' },
  { name: 'allow', type: 'list', help: 'let archives hold outside-links, devices, fifos or setid bits' },
  {
    name: 'owner',
    type: 'bool',
    help: "keep the archives' owners (root only); otherwise files belong to the agent's user",
  },
  {
    name: 'reuse',
    type: 'string',
    help: 'how unchanged files come into a new release: reflink, copy, hardlink (an edit in place then reaches the old release too), off, or auto: reflink or else copy',
    default: 'auto',
  },
  { name: 'max-entries', type: 'int', help: 'most entries of one release', default: '1000000' },
  { name: 'max-size', type: 'size', help: 'most bytes of one release, unpacked', default: '50GB' },
  { name: 'max-ratio', type: 'int', help: 'most bytes unpacked from one byte of archive', default: '1000' },
  {
    name: 'log-level',
    type: 'string',
    help: 'trace, debug, info, warn, error, fatal or silent',
    default: 'info',
  },
  LOG_FORMAT_FLAG,
] as const satisfies readonly FlagSpec[];

export const AGENT_FLAGS = [...REGISTRY_AGENT_FLAGS, ...SOURCE_FLAGS] as const satisfies readonly FlagSpec[];
