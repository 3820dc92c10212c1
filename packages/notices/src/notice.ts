/** What people may want to be told of, in the order of docs/notices.md. */
export const NOTICE_EVENTS = [
  'version-added',
  'configuration-changed',
  'deploy-started',
  'deploy-succeeded',
  'deploy-failed',
  'deploy-rolled-back',
  'host-lost',
  'host-recovered',
  'disk-low',
  'disk-recovered',
  'test',
] as const;

export type NoticeEvent = (typeof NOTICE_EVENTS)[number];

/** Something that people may want to be told. All times are RFC 3339 UTC. */
export type Notice =
  | VersionNotice
  | ConfigurationNotice
  | DeployNotice
  | HostNotice
  | DiskNotice
  | TestNotice;

export interface VersionNotice {
  readonly event: 'version-added';
  readonly time: string;
  readonly component: string;
  readonly version: string;
  /** The person, or the track, that added it. */
  readonly author: string;
}

export interface ConfigurationNotice {
  readonly event: 'configuration-changed';
  readonly time: string;
  readonly configuration: string;
  readonly revision: number;
  readonly author: string;
  /** The command line that made the change. */
  readonly command: string;
  /** Whether the change deleted it. */
  readonly deleted: boolean;
}

/** A host to look at, and why. */
export interface NamedHost {
  readonly host: string;
  readonly reason: string;
}

export interface NoticeError {
  /** As of DeployError. */
  readonly kind: string;
  readonly message: string;
}

export interface DeployNotice {
  readonly event: 'deploy-started' | 'deploy-succeeded' | 'deploy-failed' | 'deploy-rolled-back';
  readonly time: string;
  readonly configuration: string;
  /** 0 where there is no registry. */
  readonly revision: number;
  /** What is deployed where there is no revision, such as a tag. */
  readonly release?: string;
  /** How many hosts follow the configuration. */
  readonly hosts: number;
  /** How many of them run it (started, succeeded), failed, or rolled back. */
  readonly done: number;
  /** Those to look at, a bounded number. */
  readonly named: readonly NamedHost[];
  /** What most of those say that did not succeed. */
  readonly error?: NoticeError;
  /** The same event told before, with newer numbers: in between, or as they stay. */
  readonly edition?: 'progress' | 'final';
  /** Of a failure: other hosts are not done yet. */
  readonly ongoing?: boolean;
  /** The revision that is wanted instead, before all hosts ran this one. */
  readonly replacedBy?: number;
  /** Of a failure: see streak.ts. */
  readonly streak?: { readonly failures: number; readonly since: string; readonly silence: boolean };
  /** Of the first success after failures. */
  readonly recovered?: { readonly failures: number; readonly since: string; readonly ms: number };
}

export interface HostNotice {
  readonly event: 'host-lost' | 'host-recovered';
  readonly time: string;
  readonly hosts: number;
  readonly named: readonly NamedHost[];
  /** That these hosts follow. */
  readonly configurations: readonly string[];
}

/** The registry's own disk. Sizes in bytes. */
export interface DiskNotice {
  readonly event: 'disk-low' | 'disk-recovered';
  readonly time: string;
  /** A directory on it. */
  readonly place: string;
  readonly free: number;
  /** Below which uploads are refused. */
  readonly reserve: number;
}

/** Somebody wants to know whether messages arrive. */
export interface TestNotice {
  readonly event: 'test';
  readonly time: string;
  readonly author: string;
}

export function isNoticeEvent(text: string): text is NoticeEvent {
  return NOTICE_EVENTS.some((event) => event === text);
}

export function isDeployNotice(notice: Notice): notice is DeployNotice {
  return notice.event.startsWith('deploy-');
}

/** Whether it tells of something that went wrong. */
export function isFailure({ event }: Notice): boolean {
  return FAILURES.has(event);
}

const FAILURES: ReadonlySet<NoticeEvent> = new Set([
  'deploy-failed',
  'deploy-rolled-back',
  'host-lost',
  'disk-low',
]);

/** Whether it tells that what went wrong is over. */
export function isRecovery({ event }: Notice): boolean {
  return event === 'host-recovered' || event === 'disk-recovered';
}

/** What a receiver is left with that is to be told only of what went wrong and of its end. */
export function isLoud(notice: Notice): boolean {
  if (isFailure(notice) || isRecovery(notice) || notice.event === 'test') return true;
  return notice.event === 'deploy-succeeded' && notice.recovered !== undefined;
}
