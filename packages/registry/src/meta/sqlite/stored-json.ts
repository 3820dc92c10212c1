import { decodeJson, type JsonSubject } from '@deploy-tools/shared/json/decode-json.js';
import { DEPLOY_STATES } from '@deploy-tools/shared/report/deploy-state.js';
import type { StateReport } from '@deploy-tools/shared/report/report.js';
import * as z from 'zod/mini';
import type { Author } from '../author.js';
import type { DeployRecord } from '../fleet-store.js';
import type { TrackProgress } from '../track-store.js';

/**
 * The columns that hold JSON. What an earlier version of this program wrote has to load, so a field that is added later
 * is optional here; fields of a later version are dropped.
 */

const strings = z.array(z.string());
const labels = z.record(z.string(), z.string());

const release = z.object({ revision: z.exactOptional(z.number()), hash: z.string() });

const reportFields = {
  config: z.string(),
  state: z.enum(DEPLOY_STATES),
  reason: z.exactOptional(z.string()),
  revision: z.exactOptional(z.number()),
  hash: z.exactOptional(z.string()),
  attempt: z.exactOptional(z.number()),
  running: z.exactOptional(release),
  lastGood: z.exactOptional(release),
  since: z.exactOptional(z.string()),
  progress: z.exactOptional(z.object({ done: z.number(), total: z.number() })),
  error: z.exactOptional(z.object({ kind: z.string(), message: z.string() })),
  timings: z.exactOptional(z.record(z.string(), z.number())),
  bytes: z.exactOptional(z.object({ fetched: z.number(), reused: z.number() })),
  pause: z.exactOptional(
    z.object({
      by: z.exactOptional(z.string()),
      since: z.exactOptional(z.string()),
      reason: z.exactOptional(z.string()),
    }),
  ),
  notBefore: z.exactOptional(z.string()),
  again: z.exactOptional(z.boolean()),
};
/** Without its log, which has a column of its own. */
const report = z.object({ ...reportFields, deploy: z.exactOptional(z.string()) });
const outcome = z.object({ ...reportFields, deploy: z.string() });

const author = z.object({
  fingerprint: z.string(),
  comment: z.string(),
  user: z._default(z.string(), ''),
  address: z._default(z.string(), ''),
});

const progress = z.object({
  added: z.optional(
    z.object({
      tag: z.string(),
      time: z.string(),
      layers: z.array(z.object({ component: z.string(), version: z.string() })),
    }),
  ),
  bumped: z.optional(z.string()),
  error: z.optional(z.object({ message: z.string(), since: z.string() })),
  waiting: z._default(strings, []),
});

/** @param what a noun with its article, for the error. @throws DeployError corrupt. */
export function decodeStrings(text: string, what: string): string[] {
  return decodeJson(text, strings, stored(what));
}

/** @throws DeployError corrupt. */
export function decodeLabels(text: string, host: string): Record<string, string> {
  return decodeJson(text, labels, stored(`the labels of host ${host}`));
}

/** @throws DeployError corrupt. */
export function decodeReport(text: string, host: string): StateReport {
  return decodeJson(text, report, stored(`the report of host ${host}`));
}

/** @throws DeployError corrupt. */
export function decodeOutcome(text: string, host: string): DeployRecord['report'] {
  return decodeJson(text, outcome, stored(`a deploy of host ${host}`));
}

/** @throws DeployError corrupt. */
export function decodeAuthor(text: string, component: string): Author {
  return decodeJson(text, author, stored(`the author of the track of ${component}`));
}

/** @throws DeployError corrupt. */
export function decodeProgress(text: string, component: string): TrackProgress {
  const { added, bumped, error, waiting } = decodeJson(
    text,
    progress,
    stored(`the progress of the track of ${component}`),
  );
  return { added, bumped, error, waiting };
}

function stored(what: string): JsonSubject {
  return { what: `${what} in registry.db`, kind: 'corrupt', hint: 'restore registry.db from a backup' };
}
