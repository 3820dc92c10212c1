import { type Streak, streakSchema } from '@deploy-tools/notices/streak.js';
import { decodeJson } from '@deploy-tools/shared/json/decode-json.js';
import * as z from 'zod/mini';

/** The stored form of {@link RolloutState}. All fields but the first two have defaults: an earlier version may lack them. */
const storedSchema = z.object({
  revision: z.number(),
  told: z.enum(['nothing', 'started', 'failed', 'succeeded']),
  /** The event of the last failure. */
  failure: z.exactOptional(
    z.enum(['deploy-started', 'deploy-succeeded', 'deploy-failed', 'deploy-rolled-back']),
  ),
  /** The number of failures that were counted: the most of one host at this revision. */
  rounds: z._default(z.number(), 0),
  /** The numbers of the last notice. */
  done: z._default(z.number(), 0),
  hosts: z._default(z.number(), 0),
  /** Whether the numbers of a failure were sent as final. */
  settled: z._default(z.boolean(), false),
  toldAt: z._default(z.string(), ''),
  /** The streak of the configuration, over all its revisions. */
  streak: z.exactOptional(streakSchema),
});

type Stored = z.output<typeof storedSchema>;

/** The notices of one revision's rollout that were sent. */
export interface RolloutState extends Readonly<Omit<Stored, 'told' | 'toldAt'>> {
  /** The last event of which a notice was sent. */
  readonly notified: Stored['told'];
  /** The time of the last notice, RFC 3339 UTC; empty before the first. */
  readonly notifiedAt: string;
}

export function encodeRolloutState({ notified, notifiedAt, ...state }: RolloutState): string {
  return JSON.stringify({ ...state, told: notified, toldAt: notifiedAt });
}

/** Reads what {@link encodeRolloutState} of this or an earlier version wrote. @throws DeployError corrupt. */
export function decodeRolloutState(text: string): RolloutState {
  const subject = { what: 'the state of a rollout in registry.db', kind: 'corrupt' } as const;
  return rolloutState(decodeJson(text, storedSchema, subject));
}

/** The state of a revision before its first notice. @param streak of the configuration. */
export function newRollout(revision: number, streak: Streak | undefined): RolloutState {
  return rolloutState(
    z.parse(storedSchema, { revision, told: 'nothing', ...(streak === undefined ? {} : { streak }) }),
  );
}

function rolloutState({ told: notified, toldAt: notifiedAt, ...state }: Stored): RolloutState {
  return { ...state, notified, notifiedAt };
}
