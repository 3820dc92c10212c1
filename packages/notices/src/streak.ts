import { errorSignature } from './error-signature.js';
import type { DeployNotice } from './notice.js';

/** How many times the same error is told. */
export const TOLD_TIMES = 3;
/** Different errors of one streak that are told apart; what is beyond is silent. */
const MAX_ERRORS = 20;

/** The failures of one configuration since its last success. Plain data, to be kept as JSON. */
export interface Streak {
  /** All of them, told or not. */
  readonly failures: number;
  /** When the first was; RFC 3339 UTC. */
  readonly since: string;
  /** How often each error was told, by its signature. */
  readonly told: Readonly<Record<string, number>>;
  /** Whether the last failure was not told. */
  readonly silent: boolean;
}

export interface Judged {
  /** Undefined when nothing is wrong. */
  readonly streak: Streak | undefined;
  /** What is to be told, with what the streak adds to it. */
  readonly told: DeployNotice | undefined;
}

/**
 * The same error is told three times, then there is silence; the first success after failures says how many there
 * were, and is always told, as any success is. While there is silence a start is not told either. Newer editions of
 * a failure are told where the failure was, and count for nothing.
 * @param failures how many failures the notice stands for; of a first edition only.
 */
export function judgeStreak(streak: Streak | undefined, notice: DeployNotice, failures = 1): Judged {
  if (notice.event === 'deploy-succeeded') return { streak: undefined, told: recovered(streak, notice) };
  if (notice.event === 'deploy-started' || notice.edition !== undefined) {
    return { streak, told: streak?.silent === true ? undefined : notice };
  }
  const signature = errorSignature(notice.error ?? { kind: notice.event, message: '' });
  const { failures: before, since, told } = streak ?? begun(notice.time);
  const times = Object.hasOwn(told, signature) ? (told[signature] ?? 0) : 0;
  const isRoom = times > 0 || Object.keys(told).length < MAX_ERRORS;
  const silent = times >= TOLD_TIMES || !isRoom;
  const after: Streak = {
    failures: before + failures,
    since,
    told: isRoom ? { ...told, [signature]: times + failures } : told,
    silent,
  };
  if (silent) return { streak: after, told: undefined };
  const silence = times + failures >= TOLD_TIMES;
  return { streak: after, told: { ...notice, streak: { failures: after.failures, since, silence } } };
}

function begun(since: string): Streak {
  return { failures: 0, since, told: {}, silent: false };
}

function recovered(streak: Streak | undefined, notice: DeployNotice): DeployNotice {
  if (streak === undefined) return notice;
  const { failures, since } = streak;
  const ms = Math.max(0, Date.parse(notice.time) - Date.parse(since));
  return { ...notice, recovered: { failures, since, ms } };
}
