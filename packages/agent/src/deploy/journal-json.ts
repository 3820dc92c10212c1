import { type AgentConfig, configSchema, encodeConfigJson } from '@deploy-tools/shared/config-json.js';
import { isDeployError } from '@deploy-tools/shared/errors.js';
import { decodeJson } from '@deploy-tools/shared/json/decode-json.js';
import {
  countSchema,
  hashSchema,
  timeSchema,
  withoutUndefined,
} from '@deploy-tools/shared/json/json-schemas.js';
import * as z from 'zod/mini';
import { DEPLOY_STEPS } from './deploy-step.js';
import { type Journal, type Live, runningRelease } from './journal.js';

/** The version of the format. A journal of another version is refused, never guessed at. */
const VERSION = 1;

const liveSchema = z.object({
  config: configSchema,
  how: z.enum(['activating', 'activated', 'proven', 'unknown']),
  since: timeSchema,
  before: z.exactOptional(configSchema),
});

const attemptSchema = z.object({
  deploy: z.string(),
  step: z.enum(DEPLOY_STEPS),
  since: timeSchema,
  reason: z.enum(['deploy', 'retry']),
  number: countSchema,
  config: configSchema,
  before: z.exactOptional(configSchema),
  left: z.exactOptional(z.nullable(liveSchema)),
  unpackedIn: z.exactOptional(z.string()),
  activated: z.exactOptional(z.literal(true)),
  leaving: z.exactOptional(configSchema),
  judged: z.exactOptional(z.literal(true)),
  cancelledBy: z.exactOptional(z.string()),
  arrived: z.exactOptional(z.literal(true)),
  byHand: z.exactOptional(z.literal(true)),
  error: z.exactOptional(z.object({ kind: z.string(), message: z.string() })),
  postponed: z.exactOptional(z.object({ failures: countSchema, notBefore: timeSchema, message: z.string() })),
});

const holdSchema = z.object({
  hash: hashSchema,
  revision: z.exactOptional(countSchema),
  why: z.enum(['rejected', 'vetoed', 'withdrawn']),
  failures: countSchema,
  notBefore: z.exactOptional(timeSchema),
  reason: z.exactOptional(z.string()),
  retry: z.exactOptional(z.literal(true)),
});

const fieldsSchema = z.object({
  version: z.literal(VERSION),
  attempt: z.exactOptional(attemptSchema),
  live: z.exactOptional(liveSchema),
  proven: z.exactOptional(z.array(configSchema)),
  hold: z.exactOptional(holdSchema),
  again: z.exactOptional(hashSchema),
  script: z.exactOptional(z.string()),
  unpacked: z.exactOptional(z.object({ hash: hashSchema, in: z.string() })),
});

const journalSchema = z.pipe(z.transform(withoutNulls), fieldsSchema);

const attemptsSchema = z.object({
  hash: hashSchema,
  failures: countSchema,
  notBefore: timeSchema,
  unpackedIn: z.nullish(z.string()),
  script: z.nullish(z.string()),
});

/** Fields that are null count as absent, as an operator who edits a file may write; only `left` means something by it. */
function withoutNulls(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(withoutNulls);
  if (typeof json !== 'object' || json === null) return json;
  const fields = Object.entries(json).filter(([key, value]) => value !== null || key === 'left');
  return Object.fromEntries(fields.map(([key, value]) => [key, withoutNulls(value)]));
}

/**
 * The journal as its file holds it. `running` and `lastGood` inform people who read the file; the agent does not read them back.
 * @param lastGood what state.json holds.
 */
export function encodeJournal(journal: Journal, lastGood: AgentConfig | undefined): string {
  const { attempt, live, proven, ...rest } = journal;
  const json = {
    version: VERSION,
    running: idOf(runningRelease(journal, lastGood)),
    lastGood: idOf(lastGood),
    attempt: attempt && {
      ...attempt,
      config: configJson(attempt.config),
      before: attempt.before && configJson(attempt.before),
      left: attempt.left && liveJson(attempt.left),
      leaving: attempt.leaving && configJson(attempt.leaving),
    },
    live: live && liveJson(live),
    proven: proven?.map(configJson),
    ...rest,
  };
  return `${JSON.stringify(json, null, 2)}\n`;
}

/** @throws DeployError corrupt, naming the field that is wrong. */
export function decodeJournal(text: string): Journal {
  const { version: _, ...journal } = decodeJson(text, journalSchema, {
    what: 'the journal',
    kind: 'corrupt',
  });
  return journal;
}

/**
 * Reads attempts.json, which agents left before there were journals: `hash`, `failures`, `notBefore`, and `unpackedIn` and `script`
 * where the script had been about to run.
 * @returns an empty journal where it is damaged: the worst that follows is one early attempt.
 */
export function decodeAttempts(text: string): Journal {
  try {
    const subject = { what: 'attempts.json', kind: 'corrupt' } as const;
    const { hash, failures, notBefore, unpackedIn, script } = decodeJson(text, attemptsSchema, subject);
    return withoutUndefined({
      hold: failures === 0 ? undefined : ({ hash, why: 'rejected', failures, notBefore } as const),
      script: script ?? undefined,
      unpacked: unpackedIn == null ? undefined : { hash, in: unpackedIn },
    });
  } catch (error) {
    if (isDeployError(error, 'corrupt')) return {};
    throw error;
  }
}

function liveJson(live: Live): object {
  return { ...live, config: configJson(live.config), before: live.before && configJson(live.before) };
}

function configJson(config: AgentConfig): unknown {
  return JSON.parse(encodeConfigJson(config));
}

function idOf(config: AgentConfig | undefined): object | undefined {
  return config && { revision: config.revision, hash: config.hash };
}
