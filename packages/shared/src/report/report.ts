import * as z from 'zod/mini';
import { checkedBy } from '../json/decode-json.js';
import { countSchema, cutText, hashSchema, timeSchema, wireObject } from '../json/json-schemas.js';
import { checkConfigurationName, checkHostName } from '../names.js';
import { DEPLOY_STATES } from './deploy-state.js';
import { logTail } from './log-tail.js';
import { pauseSchema } from './pause-note.js';

/** The longest line of either side, in bytes with its newline. */
export const MAX_REPORT_LINE = 64 * 1024;

/** Bounds of the parts of a line. Lengths are in characters. */
const MAX_LABELS = 32;
const MAX_LABEL_LENGTH = 256;
const MAX_CONFIGS = 100;
const MAX_FEATURES = 32;
const MAX_TIMINGS = 32;
const MAX_MESSAGE_LENGTH = 2000;

/** A version, an id or a kind, of at most 64 characters. */
const tokenSchema = z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._+/:-]{0,63}$/));
const configNameSchema = z.pipe(z.string(), checkedBy(checkConfigurationName));
const releaseSchema = wireObject({
  Revision: z.optional(countSchema),
  /** Configuration hash. */
  Hash: hashSchema,
});

export const helloSchema = wireObject({
  Host: z.pipe(z.string(), checkedBy(checkHostName)),
  /** The agent's version. */
  Agent: tokenSchema,
  Labels: z._default(boundedMap(z.string().check(z.maxLength(MAX_LABEL_LENGTH)), MAX_LABELS), {}),
  Configs: z.pipe(
    z.array(configNameSchema).check(z.maxLength(MAX_CONFIGS)),
    z.transform((names): readonly string[] => [...new Set(names)]),
  ),
  /** Optional parts of the protocol that the agent has: \`again\` for the key of that name, \`cancel\` for the line of that type. */
  Features: z.optional(z.readonly(z.array(tokenSchema).check(z.maxLength(MAX_FEATURES)))),
});

/** Times are RFC 3339 UTC by the host's clock. */
export const stateSchema = wireObject({
  Config: configNameSchema,
  State: z.enum(DEPLOY_STATES),
  /** Why the attempt is made: \`deploy\`, \`rollback\` or \`retry\`. */
  Reason: z.optional(tokenSchema),
  /** Revision and configuration hash of what is wanted or in flight. */
  Revision: z.optional(countSchema),
  Hash: z.optional(hashSchema),
  /** The number of the attempt at this revision, from 1. */
  Attempt: z.optional(countSchema),
  /** The agent's name for the attempt. */
  Deploy: z.optional(tokenSchema),
  /** The release that runs now, absent before the first. */
  Running: z.optional(releaseSchema),
  LastGood: z.optional(releaseSchema),
  /** When the configuration came into this state. */
  Since: z.optional(timeSchema),
  Progress: z.optional(wireObject({ Done: countSchema, Total: countSchema })),
  Error: z.optional(wireObject({ Kind: tokenSchema, Message: cutText(MAX_MESSAGE_LENGTH) })),
  /** The tail of the attempt's log. */
  Log: z.optional(
    z.pipe(
      z.array(z.string()),
      z.transform((lines: string[]) => logTail(lines)),
    ),
  ),
  /** Milliseconds by phase. */
  Timings: z.optional(boundedMap(z.number().check(z.nonnegative()), MAX_TIMINGS)),
  Bytes: z.optional(wireObject({ Fetched: countSchema, Reused: countSchema })),
  /** The operator's pause on the host. The state is \`paused\` once nothing is in progress. */
  Pause: z.optional(pauseSchema),
  /** When a rejected or vetoed revision is tried again. */
  NotBefore: z.optional(timeSchema),
  /** Marks an outcome that is sent again for the history, as the registry may not have stored it; it is not the present state. */
  Again: z.optional(z.boolean()),
});

/** Who an agent is, and which configurations it follows from now on. */
export type Hello = z.output<typeof helloSchema>;

/** A release on a host. */
export type Release = z.output<typeof releaseSchema>;

/** How far a configuration is on a host. */
export type StateReport = z.output<typeof stateSchema>;

/** A map from tokens. */
function boundedMap<Value extends z.core.$ZodType>(valueSchema: Value, maxEntries: number) {
  return z.pipe(
    z.record(tokenSchema, valueSchema).check(z.refine((map) => Object.keys(map).length <= maxEntries)),
    z.transform((map: Record<string, z.output<Value>>): Readonly<Record<string, z.output<Value>>> => map),
  );
}
