import { isAbsolute, join, resolve } from 'node:path';
import type { AllowedPrograms } from '@deploy-tools/notices/receiver.js';
import { DEFAULT_UNPACK_POLICY, type UnpackPolicy } from '@deploy-tools/shared/archive/unpack-policy.js';
import type { FlagValues } from '@deploy-tools/shared/cli/flags.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import type { RegistryLimits } from './core/limits.js';
import { MIN_INTERVAL_MS } from './jobs/housekeeping-job.js';
import type { REGISTRY_FLAGS } from './registry-flags.js';
import type { SshServerOptions } from './ssh/ssh-server.js';

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/**
 * Splits `host:port`, `[v6]:port`, `:port` or `host`.
 * @throws DeployError usage.
 */
export function parseListenAddress(text: string, defaultPort: number): ListenAddress {
  const match = /^(?:\[([0-9a-fA-F:.]+(?:%[\w.-]+)?)\]|([^:[\]]*))(?::(\d{1,5}))?$/.exec(text);
  const port = match?.[3] === undefined ? defaultPort : Number(match[3]);
  if (match === null || port > 65_535) {
    throw new DeployError('usage', `invalid address "${text}"`, {
      hint: 'write it as host:port or [v6 address]:port',
    });
  }
  return { host: match[1] ?? match[2] ?? '', port };
}

export type RegistryFlagValues = FlagValues<typeof REGISTRY_FLAGS>;

export type Settings = ReturnType<typeof readSettings>;

/** Reads the flags, by the parts that they are for. @throws DeployError usage or invalid, naming the flag. */
export function readSettings(flags: RegistryFlagValues) {
  const dir = resolve(flags.dir);
  return {
    /** The registry's directory, absolute. */
    dir,
    /** The directory of downloads of tracks, absolute. */
    incoming: join(dir, 'incoming'),
    limits: limitsOf(flags),
    policy: policyOf(flags),
    fleet: {
      lostAfterMs: flags['lost-after'],
      maxFollows: flags['max-hosts'],
      maxFollowsPerKey: Math.floor(flags['max-hosts'] / 4),
    },
    noticePrograms: readNoticePrograms(flags['notify-exec']),
    server: serverOptions(flags),
    heartbeatMs: flags.heartbeat,
    /** Interval of housekeeping and of indexing; 0 for never. */
    housekeepingMs: checkHousekeeping(flags.housekeeping),
    /** Time for running work when the registry stops. */
    graceMs: flags.grace,
  };
}

/** Refuses a short interval, such as one with a wrong unit: a round reads the whole store. */
function checkHousekeeping(ms: number): number {
  if (ms === 0 || ms >= MIN_INTERVAL_MS) return ms;
  throw new DeployError('usage', 'invalid value for flag -housekeeping: too small', {
    hint: 'give 0 for never, or at least 1s',
  });
}

/** @throws DeployError usage when the directory of programs is not an absolute path. */
function readNoticePrograms(directory: string | undefined): AllowedPrograms {
  if (directory === undefined) return 'none';
  if (isAbsolute(directory)) return { directory };
  throw new DeployError('usage', 'invalid value for flag -notify-exec: not an absolute path');
}

function serverOptions(flags: RegistryFlagValues): Omit<SshServerOptions, 'ring' | 'hostKey' | 'memory'> {
  const { host, port } = parseListenAddress(flags.addr, 2022);
  return {
    host: host === '' ? '::' : host,
    port,
    compatible: flags.compat,
    maxConnections: flags['max-conns'],
    maxConnectionsPerAddress: flags['max-conns-per-addr'],
    maxConnectionsPerKey: flags['max-conns-per-key'],
    maxStrangers: flags['max-startups'],
    keepaliveMs: flags.keepalive,
    handshakeMs: flags.handshake,
    deadlineMs: flags.deadline,
    maxAuthTries: flags['max-auth-tries'],
    maxChannels: flags['max-channels'],
  };
}

function limitsOf(flags: RegistryFlagValues): RegistryLimits {
  return {
    keepVersions: flags.maxver,
    uploadTtlMs: flags['upload-ttl'],
    maxUpload: flags['max-upload'] === 0 ? Number.POSITIVE_INFINITY : flags['max-upload'],
    minFree: flags['min-free'],
    auditKeepMs: flags['audit-keep'],
    historyKeepMs: flags['history-keep'],
    historySize: { total: flags['history-size'], perKey: Math.floor(flags['history-size'] / 4) },
    trackFiles: flags['track-files'].map((path) => resolve(path)),
    unchecked: flags.unchecked,
  };
}

/** The policy of the registry refuses only archives that no agent accepts; each agent decides on the others. */
function policyOf(flags: RegistryFlagValues): UnpackPolicy {
  return {
    ...DEFAULT_UNPACK_POLICY,
    allow: { outsideLinks: true, devices: true, fifos: true, setid: true },
    maxEntries: flags['max-entries'],
    maxBytes: flags['max-unpacked'],
    maxRatio: flags['max-ratio'],
  };
}
