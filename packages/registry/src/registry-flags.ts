import type { FlagSpec } from '@deploy-tools/shared/cli/flags.js';

/** The longest timer of Node.js; a longer one would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** What agents are promised: they give a connection up after three times that. */
const LONGEST_HEARTBEAT_MS = 15_000;

/** The original's flags first, then ours. */
export const REGISTRY_FLAGS = [
  { name: 'addr', type: 'string', help: 'address to listen', default: 'localhost:2022' },
  { name: 'dir', type: 'string', help: 'data directory', default: '/var/lib/deploy-registry' },
  {
    name: 'opauth',
    type: 'string',
    help: 'authorized_keys for operators',
    default: '/etc/deploy-registry/operator.keys',
  },
  {
    name: 'srvauth',
    type: 'string',
    help: 'authorized_keys for services',
    default: '/etc/deploy-registry/service.keys',
  },
  {
    name: 'maxver',
    type: 'int',
    help: 'max.number of component versions to keep, 0 keeps all',
    default: '10',
    min: 0,
  },
  {
    name: 'deadline',
    type: 'duration',
    help: 'max.lifetime of TCP connection, 0 for no limit',
    default: '30m0s',
    min: 0,
    max: LONGEST_TIMER_MS,
  },
  {
    name: 'handshake',
    type: 'duration',
    help: 'time that a client has to authenticate',
    default: '20s',
    min: 1,
    max: LONGEST_TIMER_MS,
  },
  {
    name: 'keepalive',
    type: 'duration',
    help: 'ask silent clients after this long; three times unanswered ends',
    default: '15s',
    min: 1,
    max: LONGEST_TIMER_MS,
  },
  {
    name: 'heartbeat',
    type: 'duration',
    help: 'interval of the signs of life that watches get',
    default: '10s',
    min: 1,
    max: LONGEST_HEARTBEAT_MS,
  },
  { name: 'max-conns', type: 'int', help: 'most connections at once', default: '10000', min: 1 },
  {
    name: 'max-conns-per-addr',
    type: 'int',
    help: 'most connections at once from one address',
    default: '1000',
    min: 1,
  },
  { name: 'max-channels', type: 'int', help: 'most open channels in one connection', default: '16', min: 1 },
  {
    name: 'max-auth-tries',
    type: 'int',
    help: 'keys that a client may try in one connection',
    default: '10',
    min: 1,
  },
  {
    name: 'compat',
    type: 'bool',
    help: 'also accept algorithms that old clients need (see docs/clients.md)',
  },
  {
    name: 'upload-ttl',
    type: 'duration',
    help: 'how long an upload waits for its addver',
    default: '30m0s',
    min: 1,
  },
  { name: 'max-upload', type: 'size', help: 'largest upload, 0 for no limit', default: '20GB' },
  { name: 'min-free', type: 'size', help: 'disk space that uploads must leave free', default: '500MB' },
  { name: 'max-entries', type: 'int', help: 'most entries in one archive', default: '1000000', min: 1 },
  {
    name: 'max-unpacked',
    type: 'size',
    help: 'most bytes in one archive, unpacked',
    default: '50GB',
    min: 1,
  },
  {
    name: 'max-ratio',
    type: 'int',
    help: 'most bytes unpacked from one byte of archive',
    default: '1000',
    min: 1,
  },
  {
    name: 'unchecked',
    type: 'bool',
    help: 'addver takes any bytes, as the original does; agents refuse what is not a safe archive',
  },
  {
    name: 'housekeeping',
    type: 'duration',
    help: 'interval of removing what is not needed, at least 1s, 0 for never',
    default: '1h0m0s',
    min: 0,
    max: LONGEST_TIMER_MS,
  },
  {
    name: 'audit-keep',
    type: 'duration',
    help: 'how long the audit log is kept',
    default: '8760h0m0s',
    min: 1,
  },
  {
    name: 'history-keep',
    type: 'duration',
    help: 'how long it is kept what hosts deployed; the newest 10 of each host always are',
    default: '2160h0m0s',
    min: 1,
  },
  {
    name: 'lost-after',
    type: 'duration',
    help: 'a host that is silent for so long is lost; three heartbeats of its agent',
    default: '45s',
    min: 1,
    max: LONGEST_TIMER_MS,
  },
  {
    name: 'max-hosts',
    type: 'int',
    help: 'most hosts that are remembered, each counted once a configuration; a key may have a quarter',
    default: '20000',
    min: 4,
  },
  {
<<<<<<< HEAD
    name: 'notify-exec',
    type: 'string',
    help: 'directory of the programs that operators may have run for notices; none without it',
=======
    name: 'track-files',
    type: 'list',
    help: 'directory of this host below which file:// sources may be followed (repeatable); none without it',
>>>>>>> origin/main
    completes: 'directory',
  },
  {
    name: 'grace',
    type: 'duration',
    help: 'time that running commands and transfers have when stopping',
    default: '30s',
    min: 0,
    max: LONGEST_TIMER_MS,
  },
  {
    name: 'log-level',
    type: 'string',
    help: 'trace, debug, info, warn, error, fatal or silent',
    default: 'info',
  },
] as const satisfies readonly FlagSpec[];
