import { decodeJson } from '@deploy-tools/shared/json/decode-json.js';
import { DEPLOY_STATES } from '@deploy-tools/shared/report/deploy-state.js';
import * as z from 'zod/mini';

const strings = z.array(z.string());
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

/** The schemas of columns that hold JSON. A column of an earlier version has to load: a field that is added later is optional. */
export const STORED = {
  labels: z.record(z.string(), z.string()),
  /** The log of a report has a column of its own. */
  report: z.object({ ...reportFields, deploy: z.exactOptional(z.string()) }),
  outcome: z.object({ ...reportFields, deploy: z.string() }),
  author: z.object({
    fingerprint: z.string(),
    comment: z.string(),
    user: z._default(z.string(), ''),
    address: z._default(z.string(), ''),
  }),
  progress: z.object({
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
  }),
};

/** Reads a column; unknown fields are dropped. @param what a noun with its article. @throws DeployError corrupt. */
export function decodeColumn<Schema extends z.core.$ZodType>(
  text: string,
  schema: Schema,
  what: string,
): z.output<Schema> {
  const hint = 'restore registry.db from a backup';
  return decodeJson(text, schema, { what: `${what} in registry.db`, kind: 'corrupt', hint });
}

/** Reads a column with a list of texts, like {@link decodeColumn}. */
export function decodeStrings(text: string, what: string): string[] {
  return decodeColumn(text, strings, what);
}
