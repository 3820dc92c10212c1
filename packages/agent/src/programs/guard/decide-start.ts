import { formatDuration } from '@deploy-tools/shared/duration.js';
import type { DeployStep } from '../../deploy/deploy-step.js';

/** The content of a configuration's directory. Configuration hashes name releases. */
export interface DiskView {
  /** The target of `current`. */
  readonly current: string | undefined;
  readonly lastGood: string | undefined;
  /** When the registry last wanted the last good release; if that was not recorded, when it was proven or later. */
  readonly provenAt: Date | undefined;
  readonly attempt:
    | { readonly hash: string; readonly step: DeployStep; readonly error: string | undefined }
    | undefined;
  /** The destination's release; empty while it is synced, undefined without a destination. */
  readonly placed: string | undefined;
}

/** The release that the registry wants, or why that is not known. */
export type Knowledge =
  | { readonly kind: 'wanted'; readonly hash: string }
  /** `isSettled`: the registry had enough time to answer. */
  | { readonly kind: 'unknown'; readonly why: string; readonly isSettled: boolean };

export interface GuardRules {
  readonly now: Date;
  readonly maxStaleMs: number;
  /** Whether the last good release may run where the wanted one was rolled back. */
  readonly rolledBack: boolean;
}

type DiskWithRelease = DiskView & { readonly current: string };

export interface Decision {
  readonly start: boolean;
  /** The reason, for people. */
  readonly why: string;
}

const TRUSTED_STEPS: readonly DeployStep[] = ['activating', 'validating', 'healthy'];
const BACK_STEPS: readonly DeployStep[] = ['rolling-back', 'rolled-back'];

/** Decides whether a program may start from the release on the disk. Pure. */
export function decideStart(disk: DiskView, known: Knowledge, rules: GuardRules): Decision {
  const { current, placed } = disk;
  if (current === undefined) return no(`no release is here yet${inProgress(disk)}`);
  if (placed !== undefined && placed !== current) return no('the destination does not have the release yet');
  const here = { ...disk, current };
  return known.kind === 'wanted'
    ? decideWhenWanted(here, known.hash, rules)
    : decideWhenUnknown(here, known, rules);
}

function decideWhenWanted(disk: DiskWithRelease, wanted: string, rules: GuardRules): Decision {
  const { attempt, current, lastGood } = disk;
  const isAbout = attempt?.hash === wanted;
  if (current === wanted) {
    if (lastGood === wanted || (isAbout && TRUSTED_STEPS.includes(attempt.step)))
      return { start: true, why: `the release ${short(current)} is the one that is wanted` };
    return no(`the release ${short(current)} is wanted, but ${failure(disk)}`);
  }
  const isBack = isAbout && BACK_STEPS.includes(attempt.step) && current === lastGood;
  if (isBack && rules.rolledBack)
    return { start: true, why: `${short(wanted)} failed here, the last good release runs again` };
  const why = isAbout && attempt.error !== undefined ? failure(disk) : inProgress(disk).slice(2);
  return no(
    `the release here is ${short(current)}, but ${short(wanted)} is wanted${why === '' ? '' : `: ${why}`}`,
  );
}

function decideWhenUnknown(
  { current, lastGood, provenAt }: DiskWithRelease,
  { why, isSettled }: Extract<Knowledge, { kind: 'unknown' }>,
  { maxStaleMs, now }: GuardRules,
): Decision {
  if (current !== lastGood) return no(`${why}, and the release ${short(current)} is not proven`);
  const age = provenAt === undefined ? Number.POSITIVE_INFINITY : now.getTime() - provenAt.getTime();
  const seconds = formatDuration(Math.max(0, Math.round(age / 1000)) * 1000);
  if (!(age < maxStaleMs))
    return no(`${why}, and the last good release ${short(current)} was wanted ${seconds} ago, too long`);
  const words = `${why}; the release ${short(current)} is the last good one, wanted ${seconds} ago`;
  return { start: isSettled, why: words };
}

function inProgress({ attempt }: DiskView): string {
  if (attempt === undefined || attempt.step === 'healthy' || attempt.error !== undefined) return '';
  return `: ${short(attempt.hash)} is ${attempt.step}`;
}

function failure({ attempt }: DiskView): string {
  if (attempt === undefined) return 'nothing is known of it';
  return attempt.error === undefined ? `is ${attempt.step}` : `it is ${attempt.step}: ${attempt.error}`;
}

function short(hash: string): string {
  return hash.slice(0, 12);
}

function no(why: string): Decision {
  return { start: false, why };
}
