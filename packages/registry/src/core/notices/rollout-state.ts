import type { DeployNotice } from '@deploy-tools/notices/notice.js';
import type { Streak } from '@deploy-tools/notices/streak.js';
import { decodeJson } from '@deploy-tools/shared/json/decode-json.js';
import * as z from 'zod/mini';

/** What receivers were notified of about the rollout of one revision. Plain data, stored as JSON. */
export interface RolloutState {
  readonly revision: number;
  /** The last of its events that was sent. */
  readonly notified: 'nothing' | 'started' | 'failed' | 'succeeded';
  /** The last failure's event. */
  readonly failure?: DeployNotice['event'];
  /** How many failures were counted: the most that one host had at this revision. */
  readonly rounds: number;
  /** The numbers of the last notice. */
  readonly done: number;
  readonly hosts: number;
  /** Whether the numbers of a failure were sent as final. */
  readonly settled: boolean;
  /** The time of the last notice, RFC 3339 UTC; empty before the first. */
  readonly notifiedAt: string;
  /** Of the configuration, over all its revisions. */
  readonly streak?: Streak;
}

/** In the JSON `notified` is called `told`, as it was from the first version on. */
export function encodeRolloutState({ notified: told, notifiedAt: toldAt, ...state }: RolloutState): string {
  return JSON.stringify({ ...state, told, toldAt });
}

/** The fields but the first two have defaults: an earlier version of this program may not have written them. */
const schema = z.object({
  revision: z.number(),
  told: z.enum(['nothing', 'started', 'failed', 'succeeded']),
  failure: z.exactOptional(
    z.enum(['deploy-started', 'deploy-succeeded', 'deploy-failed', 'deploy-rolled-back']),
  ),
  rounds: z._default(z.number(), 0),
  done: z._default(z.number(), 0),
  hosts: z._default(z.number(), 0),
  settled: z._default(z.boolean(), false),
  toldAt: z._default(z.string(), ''),
  streak: z.exactOptional(
    z.object({
      failures: z.number(),
      since: z.string(),
      told: z.record(z.string(), z.number()),
      silent: z._default(z.boolean(), false),
    }),
  ),
});

/** Reads what {@link encodeRolloutState} of this or an earlier version wrote. @throws DeployError corrupt. */
export function decodeRolloutState(text: string): RolloutState {
  const subject = { what: 'the state of a rollout in registry.db', kind: 'corrupt' } as const;
  const { told: notified, toldAt: notifiedAt, ...state } = decodeJson(text, schema, subject);
  return { ...state, notified, notifiedAt };
}

/** The state of a revision that nobody was notified of. @param streak of the revision before. */
export function newRollout(revision: number, streak: Streak | undefined): RolloutState {
  const state = {
    revision,
    notified: 'nothing',
    rounds: 0,
    done: 0,
    hosts: 0,
    settled: false,
    notifiedAt: '',
  } as const;
  return streak === undefined ? state : { ...state, streak };
}
