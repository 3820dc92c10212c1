import type { DeployNotice } from '@deploy-tools/notices/notice.js';
import type { Streak } from '@deploy-tools/notices/streak.js';
import { decodeJson } from '@deploy-tools/shared/json/decode-json.js';
import * as z from 'zod/mini';

/** What was told of the rollout of one revision. Plain data, kept as JSON. */
export interface RolloutState {
  readonly revision: number;
  readonly told: 'nothing' | 'started' | 'failed' | 'succeeded';
  /** The last failure's event. */
  readonly failure?: DeployNotice['event'];
  /** How many failures were counted: the most that one host had at this revision. */
  readonly rounds: number;
  /** The numbers that were told last. */
  readonly done: number;
  readonly hosts: number;
  /** Whether those of a failure were told as the last ones. */
  readonly settled: boolean;
  /** When anything was told last, RFC 3339 UTC; empty when nothing was. */
  readonly toldAt: string;
  /** Of the configuration, whatever its revision. */
  readonly streak?: Streak;
}

export function encodeRolloutState(state: RolloutState): string {
  return JSON.stringify(state);
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
  return decodeJson(text, schema, subject);
}

/** Of a revision of which nothing was told yet. @param streak what goes on from the revision before. */
export function newRollout(revision: number, streak: Streak | undefined): RolloutState {
  const state = {
    revision,
    told: 'nothing',
    rounds: 0,
    done: 0,
    hosts: 0,
    settled: false,
    toldAt: '',
  } as const;
  return streak === undefined ? state : { ...state, streak };
}
