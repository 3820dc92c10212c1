import * as z from 'zod/mini';

/** A host that needs attention, and the reason. */
const namedHostSchema = z.object({ host: z.string(), reason: z.string() });
const namedHostsSchema = z._default(z.readonly(z.array(namedHostSchema)), []);

/** An error by its kind, which is one of DeployError. */
const errorSchema = z.object({ kind: z.string(), message: z.string() });

const versionSchema = z.object({
  event: z.literal('version-added'),
  time: z.string(),
  component: z.string(),
  version: z.string(),
  /** The person, or the track, that added it. */
  author: z._default(z.string(), ''),
});

const configurationSchema = z.object({
  event: z.literal('configuration-changed'),
  time: z.string(),
  configuration: z.string(),
  revision: z.number(),
  author: z._default(z.string(), ''),
  /** The command line that made the change. */
  command: z._default(z.string(), ''),
  /** Whether the change deleted the configuration. */
  deleted: z._default(z.boolean(), false),
});

const deploySchema = z.object({
  event: z.enum(['deploy-started', 'deploy-succeeded', 'deploy-failed', 'deploy-rolled-back']),
  time: z.string(),
  configuration: z.string(),
  /** 0 where there is no registry. */
  revision: z.number(),
  /** The name of the release where there is no revision, such as a tag. */
  release: z.exactOptional(z.string()),
  /** The number of hosts that follow the configuration. */
  hosts: z.number(),
  /** The number of hosts that run the revision (started, succeeded), failed, or rolled back. */
  done: z.number(),
  /** The hosts that need attention, a bounded number. */
  named: namedHostsSchema,
  /** The most common error of the hosts that did not succeed. */
  error: z.exactOptional(errorSchema),
  /** Set for a repeated notice with newer numbers: numbers that may still change, or the final ones. */
  edition: z.exactOptional(z.enum(['progress', 'final'])),
  /** Set for a failure while other hosts are still deploying. */
  ongoing: z.exactOptional(z.boolean()),
  /** The revision that replaced this one before all hosts ran it. */
  replacedBy: z.exactOptional(z.number()),
  /** The streak that a failure belongs to: see streak.ts. */
  streak: z.exactOptional(
    z.object({ failures: z.number(), since: z.string(), silence: z._default(z.boolean(), false) }),
  ),
  /** The streak that the first success after failures ends. */
  recovered: z.exactOptional(z.object({ failures: z.number(), since: z.string(), ms: z.number() })),
});

const hostSchema = z.object({
  event: z.enum(['host-lost', 'host-recovered']),
  time: z.string(),
  hosts: z.number(),
  named: namedHostsSchema,
  /** The configurations that these hosts follow. */
  configurations: z._default(z.readonly(z.array(z.string())), []),
});

/** The state of the registry's own disk. Sizes in bytes. */
const diskSchema = z.object({
  event: z.enum(['disk-low', 'disk-recovered']),
  time: z.string(),
  /** A directory on the disk. */
  place: z.string(),
  free: z.number(),
  /** Uploads are refused when less is free. */
  reserve: z.number(),
});

/** A check by a person whether messages arrive. */
const testSchema = z.object({
  event: z.literal('test'),
  time: z.string(),
  author: z._default(z.string(), ''),
});

/** A notice, by its event. Stored as JSON: a field that is added later has to be optional, or have a default. */
export const noticeSchema = z.discriminatedUnion('event', [
  versionSchema,
  configurationSchema,
  deploySchema,
  hostSchema,
  diskSchema,
  testSchema,
]);

/** A notice. All times are RFC 3339 UTC. */
export type Notice = Readonly<z.output<typeof noticeSchema>>;
export type NamedHost = Readonly<z.output<typeof namedHostSchema>>;
export type NoticeError = Readonly<z.output<typeof errorSchema>>;
export type ConfigurationNotice = Readonly<z.output<typeof configurationSchema>>;
export type DeployNotice = Readonly<z.output<typeof deploySchema>>;
export type HostNotice = Readonly<z.output<typeof hostSchema>>;
export type DiskNotice = Readonly<z.output<typeof diskSchema>>;

export function isDeployNotice(notice: Notice): notice is DeployNotice {
  return notice.event.startsWith('deploy-');
}

const FAILURES: ReadonlySet<Notice['event']> = new Set([
  'deploy-failed',
  'deploy-rolled-back',
  'host-lost',
  'disk-low',
]);

/** Whether a notice announces a failure. */
export function isFailure({ event }: Notice): boolean {
  return FAILURES.has(event);
}

/** Whether a notice announces the recovery of a host or a disk. */
export function isRecovery({ event }: Notice): boolean {
  return event === 'host-recovered' || event === 'disk-recovered';
}

/** Whether a quiet receiver gets a notice: it gets failures, recoveries and tests only. */
export function isLoud(notice: Notice): boolean {
  if (isFailure(notice) || isRecovery(notice) || notice.event === 'test') return true;
  return notice.event === 'deploy-succeeded' && notice.recovered !== undefined;
}
