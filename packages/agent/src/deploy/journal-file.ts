import { type AgentConfig, encodeConfigJson } from '@deploy-tools/shared/config-json.js';
import { DeployError, isDeployError, unlessMissing } from '@deploy-tools/shared/errors.js';
import { readRegularFile } from '@deploy-tools/shared/host/regular-file.js';
import { decodeJson } from '@deploy-tools/shared/json/decode-json.js';
import {
  countSchema,
  hashSchema,
  timeSchema,
  withoutUndefined,
} from '@deploy-tools/shared/json/json-schemas.js';
import * as z from 'zod/mini';
import { type Journal, journalSchema, type Live, runningRelease } from './journal.js';

/** The version of the format. A journal of another version is refused, never guessed at. */
const VERSION = 1;
/** Room for several configurations with the maximum of layers. */
const MAX_BYTES = 32 * 1024 * 1024;

/** Where an agent keeps its journal. Absolute paths. */
export interface JournalPaths {
  /** Of journal.json. */
  readonly path: string;
  /** Of attempts.json, which agents of version 0.1.0 wrote; it is read once. */
  readonly attemptsPath: string;
}

/** Reads the journal of an agent, which may be running. @throws DeployError corrupt, naming the wrong field. */
export function readJournal({ path, attemptsPath }: JournalPaths): Journal {
  const text = readText(path);
  if (text === undefined) return decodeAttempts(readText(attemptsPath) ?? '');
  try {
    const { version: _, ...journal } = decodeJson(text, fileSchema, { what: 'the journal', kind: 'corrupt' });
    return journal;
  } catch (error) {
    if (!isDeployError(error, 'corrupt')) throw error;
    throw new DeployError('corrupt', `the journal ${path} is damaged: ${error.message}`, {
      hint: 'see what runs on this host, correct state.json where it is wrong, and remove the journal',
      cause: error,
    });
  }
}

function readText(path: string): string | undefined {
  return unlessMissing(() => readRegularFile(path, MAX_BYTES).toString('utf8'));
}

const fileSchema = z.pipe(
  z.transform(withoutNulls),
  z.extend(journalSchema, { version: z.literal(VERSION) }),
);

/** Drops fields that are null, as an operator who edits the file may write them; only `left` gives null a meaning. */
function withoutNulls(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(withoutNulls);
  if (typeof json !== 'object' || json === null) return json;
  const fields = Object.entries(json).filter(([key, value]) => value !== null || key === 'left');
  return Object.fromEntries(fields.map(([key, value]) => [key, withoutNulls(value)]));
}

const attemptsSchema = z.object({
  hash: hashSchema,
  failures: countSchema,
  notBefore: timeSchema,
  /** This and `script` are there where the script had been about to run. */
  unpackedIn: z.nullish(z.string()),
  script: z.nullish(z.string()),
});

/** Reads attempts.json. @returns an empty journal where it is damaged: the worst that follows is one early attempt. */
function decodeAttempts(text: string): Journal {
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

/**
 * The content of the journal's file. `running` and `lastGood` are for people who read it; the agent ignores them.
 * @param lastGood the content of state.json.
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

function liveJson(live: Live): object {
  return { ...live, config: configJson(live.config), before: live.before && configJson(live.before) };
}

function configJson(config: AgentConfig): unknown {
  return JSON.parse(encodeConfigJson(config));
}

function idOf(config: AgentConfig | undefined): object | undefined {
  return config && { revision: config.revision, hash: config.hash };
}
