import * as z from 'zod/mini';
import { checkedBy, checkJson, decodeJson, type JsonSubject } from '../json/decode-json.js';
import { countSchema, cutText, hashSchema, timeSchema, wireObject } from '../json/json-schemas.js';
import { checkConfigurationName, checkHostName } from '../names.js';
import { DEPLOY_STATES } from './deploy-state.js';
import { logTail } from './log-tail.js';
import { MAX_PAUSE_BY, MAX_PAUSE_REASON, type PauseNote } from './pause-note.js';
import type { AgentLine } from './report.js';

/** Bounds of what one line may contain; the line's own length is bounded by MAX_REPORT_LINE. Lengths are in characters. */
const MAX_LABELS = 32;
const MAX_LABEL_LENGTH = 256;
const MAX_CONFIGS = 100;
const MAX_FEATURES = 32;
const MAX_TIMINGS = 32;
const MAX_MESSAGE_LENGTH = 2000;

/** A word of no language: a version, an id, a kind; at most 64 characters. */
const tokenSchema = z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._+/:-]{0,63}$/));
const configNameSchema = z.pipe(z.string(), checkedBy(checkConfigurationName));
const releaseSchema = wireObject({ Revision: z.optional(countSchema), Hash: hashSchema });
const pauseSchema = wireObject({
  By: z.optional(cutText(MAX_PAUSE_BY)),
  Since: z.optional(timeSchema),
  Reason: z.optional(cutText(MAX_PAUSE_REASON)),
});

const helloSchema = wireObject({
  Host: z.pipe(z.string(), checkedBy(checkHostName)),
  Agent: tokenSchema,
  Labels: z._default(boundedMap(z.string().check(z.maxLength(MAX_LABEL_LENGTH)), MAX_LABELS), {}),
  Configs: z.pipe(
    z.array(configNameSchema).check(z.maxLength(MAX_CONFIGS)),
    z.transform((names) => [...new Set(names)]),
  ),
  Features: z.optional(z.array(tokenSchema).check(z.maxLength(MAX_FEATURES))),
});

const stateSchema = wireObject({
  Config: configNameSchema,
  State: z.enum(DEPLOY_STATES),
  Reason: z.optional(tokenSchema),
  Revision: z.optional(countSchema),
  Hash: z.optional(hashSchema),
  Attempt: z.optional(countSchema),
  Deploy: z.optional(tokenSchema),
  Running: z.optional(releaseSchema),
  LastGood: z.optional(releaseSchema),
  Since: z.optional(timeSchema),
  Progress: z.optional(wireObject({ Done: countSchema, Total: countSchema })),
  Error: z.optional(wireObject({ Kind: tokenSchema, Message: cutText(MAX_MESSAGE_LENGTH) })),
  Log: z.optional(
    z.pipe(
      z.array(z.string()),
      z.transform((lines: string[]) => logTail(lines)),
    ),
  ),
  Timings: z.optional(boundedMap(z.number().check(z.nonnegative()), MAX_TIMINGS)),
  Bytes: z.optional(wireObject({ Fetched: countSchema, Reused: countSchema })),
  Pause: z.optional(pauseSchema),
  NotBefore: z.optional(timeSchema),
  Again: z.optional(z.boolean()),
});

const typeSchema = z.looseObject({ Type: z.string() });

const SUBJECT: JsonSubject = { what: "the agent's line", kind: 'invalid' };

/**
 * Reads one line of an agent, without its newline. Unknown keys are left out.
 * @returns undefined for a line of a type that is not known here: a newer agent may have more.
 * @throws DeployError invalid, naming the field.
 */
export function decodeAgentLine(line: string): AgentLine | undefined {
  const json = decodeJson(line, typeSchema, SUBJECT);
  switch (json.Type) {
    case 'hello':
      return { type: 'hello', hello: checkJson(json, helloSchema, SUBJECT) };
    case 'state':
      return { type: 'state', report: checkJson(json, stateSchema, SUBJECT) };
    case 'heartbeat':
      return { type: 'heartbeat' };
    default:
      return undefined;
  }
}

/** Reads the `Pause` of an agent's report. @throws DeployError invalid. */
export function decodePause(json: unknown): PauseNote {
  return checkJson(json, pauseSchema, { what: 'the pause', kind: 'invalid' });
}

/** A map from tokens. */
function boundedMap<Value extends z.core.$ZodType>(valueSchema: Value, maxEntries: number) {
  return z.record(tokenSchema, valueSchema).check(z.refine((map) => Object.keys(map).length <= maxEntries));
}
