import { flag } from '@deploy-tools/shared/cli/flag-table.js';
import type { FlagSpec } from '@deploy-tools/shared/cli/flags.js';
import { MAX_TIMER_MS } from '@deploy-tools/shared/duration.js';
import { LOG_FORMAT_FLAG } from '@deploy-tools/shared/log-format.js';

/** Agents rely on it: they end a connection that is silent for three times as long. */
const MAX_HEARTBEAT_MS = 15_000;

/** A number of at least 1. */
const COUNT = { type: 'int', min: 1 } as const;
/** A time of at least 1 ms, for records. */
const AGE = { type: 'duration', min: 1 } as const;
/** A time of at least 1 ms, for a timer. */
const TIMER = { type: 'duration', min: 1, max: MAX_TIMER_MS } as const;
/** A time for a timer; 0 has a meaning of its own. */
const TIMER_OR_0 = { type: 'duration', min: 0, max: MAX_TIMER_MS } as const;

/** The flags of the Go registry first, then ours. */
export const REGISTRY_FLAGS = [
  flag.text('addr', 'address to listen', { default: 'localhost:2022' }),
  flag.text('dir', 'data directory', { default: '/var/lib/deploy-registry' }),
  flag.text('opauth', 'authorized_keys for operators', { default: '/etc/deploy-registry/operator.keys' }),
  flag.text('srvauth', 'authorized_keys for services', { default: '/etc/deploy-registry/service.keys' }),
  flag.int('maxver', 'max.number of component versions to keep, 0 keeps all', { default: '10', min: 0 }),
  {
    ...TIMER_OR_0,
    name: 'deadline',
    help: 'max.lifetime of TCP connection, 0 for no limit',
    default: '30m0s',
  },
  { ...TIMER, name: 'handshake', help: 'time that a client has to authenticate', default: '20s' },
  {
    ...TIMER,
    name: 'keepalive',
    help: 'ask silent clients after this long; three times unanswered ends',
    default: '15s',
  },
  {
    ...TIMER,
    name: 'heartbeat',
    help: 'interval of the signs of life that watches get',
    default: '10s',
    max: MAX_HEARTBEAT_MS,
  },
  { ...COUNT, name: 'max-conns', help: 'most connections at once', default: '10000' },
  {
    ...COUNT,
    name: 'max-conns-per-addr',
    help: 'most connections at once from one address',
    default: '1000',
  },
  { ...COUNT, name: 'max-conns-per-key', help: 'most connections at once with one key', default: '5000' },
  {
    ...COUNT,
    name: 'max-startups',
    help: 'most connections at once that have not authenticated; one more drops the oldest of the address that has the most',
    default: '500',
  },
  { ...COUNT, name: 'max-channels', help: 'most open channels in one connection', default: '16' },
  { ...COUNT, name: 'max-auth-tries', help: 'keys that a client may try in one connection', default: '10' },
  flag.bool('compat', 'also accept algorithms that old clients need (see docs/clients.md)'),
  { ...AGE, name: 'upload-ttl', help: 'how long an upload waits for its addver', default: '30m0s' },
  flag.size('max-upload', 'largest upload, 0 for no limit', { default: '20GB' }),
  flag.size('min-free', 'disk space that uploads and logs of deploys must leave free', { default: '500MB' }),
  { ...COUNT, name: 'max-entries', help: 'most entries in one archive', default: '1000000' },
  flag.size('max-unpacked', 'most bytes in one archive, unpacked', { default: '50GB', min: 1 }),
  { ...COUNT, name: 'max-ratio', help: 'most bytes unpacked from one byte of archive', default: '1000' },
  flag.bool(
    'unchecked',
    'addver takes any bytes, as the Go registry does; agents refuse what is not a safe archive',
  ),
  {
    ...TIMER_OR_0,
    name: 'housekeeping',
    help: 'interval of removing what is not needed, at least 1s, 0 for never',
    default: '1h0m0s',
  },
  { ...AGE, name: 'audit-keep', help: 'how long the audit log is kept', default: '8760h0m0s' },
  {
    ...AGE,
    name: 'history-keep',
    help: 'how long deploys of hosts are kept; the newest 10 of each host always are',
    default: '2160h0m0s',
  },
  flag.size(
    'history-size',
    'most bytes of logs of deploys, and as many again of deploys; a key may have a quarter',
    { default: '1GB', min: 4 },
  ),
  {
    ...TIMER,
    name: 'lost-after',
    help: 'a host that is silent for so long is lost; three heartbeats of its agent',
    default: '45s',
  },
  flag.int(
    'max-hosts',
    'most hosts that are remembered, each counted once a configuration; a key may have a quarter',
    { default: '20000', min: 4 },
  ),
  flag.text(
    'notify-exec',
    'directory of the programs that operators may have run for notices; none without it',
    { completes: 'directory' },
  ),
  flag.list(
    'track-files',
    'directory of this host below which file:// sources may be followed (repeatable); none without it',
    { completes: 'directory' },
  ),
  {
    ...TIMER_OR_0,
    name: 'grace',
    help: 'time that running commands and transfers have when stopping',
    default: '30s',
  },
  flag.text('log-level', 'trace, debug, info, warn, error, fatal or silent', { default: 'info' }),
  LOG_FORMAT_FLAG,
] as const satisfies readonly FlagSpec[];
