import { type AgentConfig, decodeConfigJson, encodeConfigJson } from '@deploy-tools/shared/config-json.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import {
  asCount,
  asFields,
  asHash,
  asOneOf,
  asText,
  asTime,
  type Fields,
  optional,
  parseFields,
  withoutUndefined,
  wrong,
} from '@deploy-tools/shared/report/json-fields.js';
import { DEPLOY_STEPS } from './deploy-step.js';
import type { Hold } from './hold.js';
import {
  type Attempt,
  type Journal,
  type Live,
  type LiveHow,
  type PostponedRollback,
  runningRelease,
} from './journal.js';

/** Of this form; another one is not guessed at. */
const VERSION = 1;

const LIVE_HOWS: readonly LiveHow[] = ['activating', 'activated', 'proven', 'unknown'];

/**
 * The journal as its file holds it. `running` and `lastGood` are for those who look at it; they are not read back.
 * @param lastGood as state.json has it.
 */
export function encodeJournal(journal: Journal, lastGood: AgentConfig | undefined): string {
  const { attempt, live, proven, hold, again, script, unpacked } = journal;
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
    hold,
    again,
    script,
    unpacked,
  };
  return `${JSON.stringify(json, null, 2)}\n`;
}

/** @throws DeployError corrupt, naming what is wrong. */
export function decodeJournal(text: string): Journal {
  try {
    const fields = parseFields(text);
    if (fields.version !== VERSION) throw wrong('version that is known here');
    return withoutUndefined({
      attempt: optional(fields.attempt, decodeAttempt),
      live: optional(fields.live, decodeLive),
      proven: optional(fields.proven, decodeConfigs),
      hold: optional(fields.hold, decodeHold),
      again: optional(fields.again, (hash) => asHash(hash, 'again')),
      script: optional(fields.script, (value) => asText(value, 'script')),
      unpacked: optional(fields.unpacked, decodeUnpacked),
    });
  } catch (error) {
    const why = error instanceof DeployError ? error.message : String(error);
    throw new DeployError('corrupt', why, { cause: error });
  }
}

/**
 * What an agent before there were journals left in attempts.json: `hash`, `failures`, `notBefore`, and where its script had
 * been about to run `unpackedIn` and `script`.
 * @returns nothing when it is damaged: then the worst is one early attempt.
 */
export function decodeAttempts(text: string): Journal {
  try {
    const fields = parseFields(text);
    const hash = asHash(fields.hash, 'hash');
    const failures = asCount(fields.failures, 'failures');
    const notBefore = asTime(fields.notBefore, 'notBefore');
    const boot = optional(fields.unpackedIn, (value) => asText(value, 'unpackedIn'));
    return withoutUndefined({
      hold: failures === 0 ? undefined : ({ hash, why: 'rejected', failures, notBefore } as const),
      script: optional(fields.script, (value) => asText(value, 'script')),
      unpacked: boot === undefined ? undefined : { hash, in: boot },
    });
  } catch (error) {
    if (error instanceof DeployError) return {};
    throw error;
  }
}

function decodeAttempt(value: unknown): Attempt {
  const fields = asFields(value, 'attempt');
  return withoutUndefined({
    deploy: asText(fields.deploy, 'attempt.deploy'),
    step: asOneOf(fields.step, DEPLOY_STEPS, 'attempt.step'),
    since: asTime(fields.since, 'attempt.since'),
    reason: asOneOf(fields.reason, ['deploy', 'retry'], 'attempt.reason'),
    number: asCount(fields.number, 'attempt.number'),
    config: decodeConfig(fields.config),
    before: optional(fields.before, decodeConfig),
    left: fields.left === null ? null : optional(fields.left, decodeLive),
    unpackedIn: optional(fields.unpackedIn, (text) => asText(text, 'attempt.unpackedIn')),
    activated: optional(fields.activated, asTrue),
    leaving: optional(fields.leaving, decodeConfig),
    judged: optional(fields.judged, asTrue),
    cancelledBy: optional(fields.cancelledBy, (text) => asText(text, 'attempt.cancelledBy')),
    arrived: optional(fields.arrived, asTrue),
    byHand: optional(fields.byHand, asTrue),
    error: optional(fields.error, decodeError),
    postponed: optional(fields.postponed, decodePostponed),
  });
}

function decodeLive(value: unknown): Live {
  const fields = asFields(value, 'live');
  return withoutUndefined({
    config: decodeConfig(fields.config),
    how: asOneOf(fields.how, LIVE_HOWS, 'live.how'),
    since: asTime(fields.since, 'live.since'),
    before: optional(fields.before, decodeConfig),
  });
}

function liveJson(live: Live): object {
  return { ...live, config: configJson(live.config), before: live.before && configJson(live.before) };
}

function decodeHold(value: unknown): Hold {
  const fields = asFields(value, 'hold');
  return withoutUndefined({
    hash: asHash(fields.hash, 'hold.hash'),
    revision: optional(fields.revision, (number) => asCount(number, 'hold.revision')),
    why: asOneOf(fields.why, ['rejected', 'vetoed', 'withdrawn'], 'hold.why'),
    failures: asCount(fields.failures, 'hold.failures'),
    notBefore: optional(fields.notBefore, (time) => asTime(time, 'hold.notBefore')),
    reason: optional(fields.reason, (text) => asText(text, 'hold.reason')),
    retry: optional(fields.retry, asTrue),
  });
}

function decodeUnpacked(value: unknown): NonNullable<Journal['unpacked']> {
  const fields = asFields(value, 'unpacked');
  return { hash: asHash(fields.hash, 'unpacked.hash'), in: asText(fields.in, 'unpacked.in') };
}

function decodeError(value: unknown): NonNullable<Attempt['error']> {
  const fields: Fields = asFields(value, 'attempt.error');
  return { kind: asText(fields.kind, 'error.kind'), message: asText(fields.message, 'error.message') };
}

function decodePostponed(value: unknown): PostponedRollback {
  const fields = asFields(value, 'attempt.postponed');
  return {
    failures: asCount(fields.failures, 'postponed.failures'),
    notBefore: asTime(fields.notBefore, 'postponed.notBefore'),
    message: asText(fields.message, 'postponed.message'),
  };
}

function decodeConfig(value: unknown): AgentConfig {
  return decodeConfigJson(JSON.stringify(value));
}

function decodeConfigs(value: unknown): AgentConfig[] {
  if (!Array.isArray(value)) throw wrong('list of proven releases');
  return value.map(decodeConfig);
}

function configJson(config: AgentConfig): unknown {
  return JSON.parse(encodeConfigJson(config));
}

function asTrue(value: unknown): true {
  if (value !== true) throw wrong('flag that is true');
  return value;
}

function idOf(config: AgentConfig | undefined): object | undefined {
  return config && { revision: config.revision, hash: config.hash };
}
