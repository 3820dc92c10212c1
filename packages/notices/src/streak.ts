import * as z from 'zod/mini';
import { errorSignature } from './error-signature.js';
import type { DeployNotice } from './notice.js';

/** How many notices of the same error are sent. */
const MAX_SAME_ERRORS = 3;
/** Different errors of one streak that are counted apart; further ones are silent. */
const MAX_ERRORS = 20;

/** The failures of one configuration since its last success, as stored. */
export const streakSchema = z.object({
  /** All failures, with a notice or without. */
  failures: z.number(),
  /** The time of the first failure; RFC 3339 UTC. */
  since: z.string(),
  /** The number of notices that were sent of each error, by its signature. */
  told: z.record(z.string(), z.number()),
  /** Whether no notice of the last failure was sent. */
  silent: z._default(z.boolean(), false),
});

export type Streak = Readonly<z.output<typeof streakSchema>>;

export interface Judged {
  /** Undefined after a success. */
  readonly streak: Streak | undefined;
  /** The notice to send, with the facts of the streak; undefined when it is silent. */
  readonly sent: DeployNotice | undefined;
}

/**
 * Applies the rule of streaks. Of the same error three notices are sent, and no more; starts are silent meanwhile. Every
 * success is sent, and the first one after failures says how many there were. A newer edition is sent when its failure was,
 * and is not counted.
 * @param failures the number of failures that the notice stands for; of a first edition only.
 */
export function judgeStreak(streak: Streak | undefined, notice: DeployNotice, failures = 1): Judged {
  if (notice.event === 'deploy-succeeded') return { streak: undefined, sent: recovered(streak, notice) };
  if (notice.event === 'deploy-started' || notice.edition !== undefined) {
    return { streak, sent: streak?.silent === true ? undefined : notice };
  }
  const signature = errorSignature(notice.error ?? { kind: notice.event, message: '' });
  const begun: Streak = { failures: 0, since: notice.time, told: {}, silent: false };
  const { failures: before, since, told: counts } = streak ?? begun;
  const times = Object.hasOwn(counts, signature) ? (counts[signature] ?? 0) : 0;
  const hasRoom = times > 0 || Object.keys(counts).length < MAX_ERRORS;
  const silent = times >= MAX_SAME_ERRORS || !hasRoom;
  const after: Streak = {
    failures: before + failures,
    since,
    told: hasRoom ? { ...counts, [signature]: times + failures } : counts,
    silent,
  };
  if (silent) return { streak: after, sent: undefined };
  const silence = times + failures >= MAX_SAME_ERRORS;
  return { streak: after, sent: { ...notice, streak: { failures: after.failures, since, silence } } };
}

function recovered(streak: Streak | undefined, notice: DeployNotice): DeployNotice {
  if (streak === undefined) return notice;
  const { failures, since } = streak;
  const ms = Math.max(0, Date.parse(notice.time) - Date.parse(since));
  return { ...notice, recovered: { failures, since, ms } };
}
