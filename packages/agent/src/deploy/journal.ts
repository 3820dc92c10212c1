import { type AgentConfig, configSchema } from '@deploy-tools/shared/config-json.js';
import {
  countSchema,
  hashSchema,
  timeSchema,
  withoutUndefined,
} from '@deploy-tools/shared/json/json-schemas.js';
import * as z from 'zod/mini';
import { DEPLOY_STEPS, type DeployStep, type StepEvent } from './deploy-step.js';
import { holdSchema } from './hold.js';

/** The `since` of a release that was live before the journal recorded it. */
const UNKNOWN_TIME = new Date(0).toISOString();

const releaseSchema: z.ZodMiniType<AgentConfig> = configSchema;

/** Why a script or hook runs: REASON in its environment. */
export type Reason = Attempt['reason'] | 'rollback';

/** What is live on this host. Only an activation, a proof, a rollback and its failure change it. */
export type Live = Readonly<z.infer<typeof liveSchema>>;

const liveSchema = z.object({
  config: releaseSchema,
  /**
   * `activating`: the script may have done half of it; `activated`; `proven` by its health; `unknown`: its rollback failed, so it may
   * run or not.
   */
  how: z.enum(['activating', 'activated', 'proven', 'unknown']),
  /** Since when it is live in this way, RFC 3339 UTC. */
  since: timeSchema,
  /** What its script got as the old release; absent on a new host. */
  before: z.exactOptional(releaseSchema),
});

/** A rollback that failed for reasons that are no fault of a release, and is tried again. */
export type PostponedRollback = Readonly<z.infer<typeof postponedSchema>>;

const postponedSchema = z.object({
  /** In a row. */
  failures: countSchema,
  /** RFC 3339 UTC. */
  notBefore: timeSchema,
  /** Why it failed last. */
  message: z.string(),
});

/** One try to make a revision the running one. */
export type Attempt = Readonly<z.infer<typeof attemptSchema>>;

const attemptSchema = z.object({
  /** Random name that no other attempt gets. */
  deploy: z.string(),
  step: z.enum(DEPLOY_STEPS),
  /** Since when it is at this step, RFC 3339 UTC. */
  since: timeSchema,
  reason: z.enum(['deploy', 'retry']),
  /** From 1: which attempt at this revision. */
  number: countSchema,
  config: releaseSchema,
  /** What was live at its beginning, which scripts get as OLDROOT; with `byHand` the target of the rollback. Absent on a new host. */
  before: z.exactOptional(releaseSchema),
  /** What was live when its activation began, to be restored after a veto; null for nothing. */
  left: z.exactOptional(z.nullable(liveSchema)),
  /**
   * The boot of the host in which the release was unpacked. Set right before its script runs: from then on that directory is used
   * again, because the script may have started something from it.
   */
  unpackedIn: z.exactOptional(z.string()),
  /** The script succeeded and the program was switched: the release runs, proven or not. */
  activated: z.exactOptional(z.literal(true)),
  /** The unproven release that is rolled back, where this attempt's own did not replace it. */
  leaving: z.exactOptional(releaseSchema),
  /** The failure is counted in `hold` already, and not once more when the rollback ends. */
  judged: z.exactOptional(z.literal(true)),
  /** The operator who cancelled the attempt, for people to read. The attempt ends at the next opportunity. */
  cancelledBy: z.exactOptional(z.string()),
  /** The rollback is done, but state.json may not say so yet. */
  arrived: z.exactOptional(z.literal(true)),
  /** It is an operator's rollback of a release that had not failed. */
  byHand: z.exactOptional(z.literal(true)),
  /** The first error. */
  error: z.exactOptional(z.object({ kind: z.string(), message: z.string() })),
  postponed: z.exactOptional(postponedSchema),
});

/** What the next agent has to know if this one is killed. state.json holds the last good release. */
export type Journal = Readonly<z.infer<typeof journalSchema>>;

export const journalSchema = z.object({
  /** The attempt in flight, or else the last one. */
  attempt: z.exactOptional(attemptSchema),
  /** Absent where nothing was activated yet. Read it with {@link liveRelease}. */
  live: z.exactOptional(liveSchema),
  /** The last two releases that were proven, the newest first. */
  proven: z.exactOptional(z.readonly(z.array(releaseSchema))),
  hold: z.exactOptional(holdSchema),
  /** Hash of the running release that an operator wants deployed again; until it is proven, or another one is deployed. */
  again: z.exactOptional(hashSchema),
  /** A running script or hook, as processIdentity names it. It may outlive an agent that is killed. */
  script: z.exactOptional(z.string()),
  /** From attempts.json: a release whose script has begun to run, and the boot in which it was unpacked. */
  unpacked: z.exactOptional(z.object({ hash: hashSchema, in: z.string() })),
});

/** How many proven releases the journal remembers. */
const MAX_PROVEN = 2;

/**
 * What is live. state.json, which the Go agent writes too, decides what is proven: another agent may have deployed since, and an
 * operator who removes the file says that nothing is.
 */
export function liveRelease(
  { live }: Pick<Journal, 'live'>,
  lastGood: AgentConfig | undefined,
): Live | undefined {
  if (live !== undefined && (live.how !== 'proven' || live.config.hash === lastGood?.hash)) return live;
  return lastGood && { config: lastGood, how: 'proven', since: live?.since ?? UNKNOWN_TIME };
}

/** Completes the journal of an earlier version, which did not record what is live. */
export function withLive(journal: Journal, lastGood: AgentConfig | undefined): Journal {
  const { attempt, live = attempt && liveBy(attempt), proven = lastGood && [lastGood] } = journal;
  return withoutUndefined({ ...journal, live, proven });
}

/** @returns undefined where the release of state.json is live. */
function liveBy({ step, activated, config, before, since, judged }: Attempt): Live | undefined {
  if (judged === true) return undefined; // This version wrote it.
  const hows: Partial<Record<DeployStep, Live['how']>> = {
    activating: 'activating',
    validating: 'activated',
    'rolling-back': 'activating',
    inconsistent: 'unknown',
    ...(activated === true ? { failed: 'activated' } : {}),
  };
  const how = hows[step];
  return how && withoutUndefined({ config, how, since, before });
}

/** The proven releases after one more, the newest first. */
export function withProven(proven: readonly AgentConfig[], config: AgentConfig): readonly AgentConfig[] {
  return [config, ...proven.filter(({ hash }) => hash !== config.hash)].slice(0, MAX_PROVEN);
}

/**
 * The running release for reports: during an activation the previous one. Undefined where it is not known, as while a script runs in
 * a rollback.
 */
export function runningRelease(journal: Journal, lastGood: AgentConfig | undefined): AgentConfig | undefined {
  const live = liveRelease(journal, lastGood);
  if (live === undefined || live.how === 'unknown') return undefined;
  if (live.how !== 'activating') return live.config;
  const step = journal.attempt?.step;
  if (step === 'rolling-back' && live.config.hash !== journal.attempt?.config.hash) return undefined;
  return step === 'activating' ? live.before : live.config;
}

/** Whether the last good release is live, or nothing is. */
export function isSettled({ live }: Pick<Journal, 'live'>): boolean {
  return live === undefined || live.how === 'proven';
}

/** What is live after a step, where the step changes it. @param attempt as the step leaves it. */
export function liveAfter(
  { live, proven = [] }: Pick<Journal, 'live' | 'proven'>,
  event: StepEvent,
  { config, before, since }: Attempt,
): Pick<Journal, 'live' | 'proven'> {
  switch (event) {
    case 'activate':
      return { live: withoutUndefined({ config, how: 'activating' as const, since, before }) };
    case 'validate':
      return { live: { ...live, config, how: 'activated', since } };
    case 'prove':
      return { live: { config, how: 'proven', since }, proven: withProven(proven, config) };
    case 'give-up':
      return { live: withoutUndefined({ config, how: 'unknown' as const, since, before }) };
    default:
      return {};
  }
}
