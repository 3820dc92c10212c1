import { DeployError } from '../errors.js';
import { checkConfigurationName, checkHostName } from '../names.js';
import { DEPLOY_STATES } from './deploy-state.js';
import {
  asCount,
  asFields,
  asFlag,
  asHash,
  asOneOf,
  asText,
  asTime,
  type Fields,
  optional,
  parseFields,
  withoutUndefined,
  wrong,
} from './json-fields.js';
import { type LogTail, logTail } from './log-tail.js';
import { MAX_PAUSE_BY, MAX_PAUSE_REASON, type PauseNote } from './pause-note.js';
import type { AgentLine, Hello, Release, StateReport } from './report.js';

/** What one agent may say at most; the line's own length is bounded by MAX_REPORT_LINE. */
const MOST = {
  labels: 32,
  configs: 100,
  features: 32,
  timings: 32,
  token: 64,
  labelValue: 256,
  message: 2000,
} as const;

/**
 * Reads one line of an agent, without its newline. Keys that are not known are left out.
 * @returns undefined for a line of a type that is not known here: a newer agent may have more.
 * @throws DeployError invalid, naming the key that is wrong.
 */
export function decodeAgentLine(line: string): AgentLine | undefined {
  const fields = parseFields(line);
  switch (asText(fields.Type, 'Type')) {
    case 'hello':
      return { type: 'hello', hello: decodeHello(fields) };
    case 'state':
      return { type: 'state', report: decodeState(fields) };
    case 'heartbeat':
      return { type: 'heartbeat' };
    default:
      return undefined;
  }
}

function decodeHello(fields: Fields): Hello {
  const configs = fields.Configs;
  if (!Array.isArray(configs) || configs.length > MOST.configs) throw wrong('Configs');
  return withoutUndefined({
    host: checkHostName(asText(fields.Host, 'Host')),
    agent: asToken(fields.Agent, 'Agent'),
    labels: optional(fields.Labels, decodeLabels) ?? {},
    configs: [...new Set(configs.map((name: unknown) => asConfig(name, 'Configs')))],
    features: optional(fields.Features, decodeFeatures),
  });
}

function decodeFeatures(value: unknown): string[] {
  if (!Array.isArray(value) || value.length > MOST.features) throw wrong('Features');
  return value.map((feature: unknown) => asToken(feature, 'Features'));
}

function decodeState(fields: Fields): StateReport {
  return withoutUndefined({
    config: asConfig(fields.Config, 'Config'),
    state: asOneOf(fields.State, DEPLOY_STATES, 'State'),
    reason: optional(fields.Reason, (value) => asToken(value, 'Reason')),
    revision: optional(fields.Revision, (value) => asCount(value, 'Revision')),
    hash: optional(fields.Hash, (value) => asHash(value, 'Hash')),
    attempt: optional(fields.Attempt, (value) => asCount(value, 'Attempt')),
    deploy: optional(fields.Deploy, (value) => asToken(value, 'Deploy')),
    running: optional(fields.Running, (value) => decodeRelease(value, 'Running')),
    lastGood: optional(fields.LastGood, (value) => decodeRelease(value, 'LastGood')),
    since: optional(fields.Since, (value) => asTime(value, 'Since')),
    progress: optional(fields.Progress, decodeProgress),
    error: optional(fields.Error, decodeError),
    log: optional(fields.Log, decodeLog),
    timings: optional(fields.Timings, decodeTimings),
    bytes: optional(fields.Bytes, decodeBytes),
    pause: optional(fields.Pause, decodePause),
    notBefore: optional(fields.NotBefore, (value) => asTime(value, 'NotBefore')),
    again: optional(fields.Again, (value) => asFlag(value, 'Again')),
  });
}

function decodeLabels(value: unknown): Record<string, string> {
  const entries = Object.entries(asFields(value, 'Labels'));
  if (entries.length > MOST.labels) throw wrong('Labels');
  return Object.fromEntries(
    entries.map(([key, text]) => {
      if (typeof text !== 'string' || text.length > MOST.labelValue)
        throw wrong(`Labels.${key.slice(0, MOST.token)}`);
      return [asToken(key, 'Labels'), text];
    }),
  );
}

function decodeRelease(value: unknown, at: string): Release {
  const fields = asFields(value, at);
  const revision = optional(fields.Revision, (number) => asCount(number, `${at}.Revision`));
  return withoutUndefined({ revision, hash: asHash(fields.Hash, `${at}.Hash`) });
}

function decodeProgress(value: unknown): NonNullable<StateReport['progress']> {
  const fields = asFields(value, 'Progress');
  return { done: asCount(fields.Done, 'Progress.Done'), total: asCount(fields.Total, 'Progress.Total') };
}

/** The message is cut where it is too long: a failure with many words is a failure all the same. */
function decodeError(value: unknown): NonNullable<StateReport['error']> {
  const fields = asFields(value, 'Error');
  const message = asText(fields.Message, 'Error.Message');
  return { kind: asToken(fields.Kind, 'Error.Kind'), message: message.slice(0, MOST.message) };
}

/** @throws DeployError invalid. */
export function decodePause(value: unknown): PauseNote {
  const fields = asFields(value, 'Pause');
  return withoutUndefined({
    by: optional(fields.By, (name) => asText(name, 'Pause.By').slice(0, MAX_PAUSE_BY)),
    since: optional(fields.Since, (time) => asTime(time, 'Pause.Since')),
    reason: optional(fields.Reason, (text) => asText(text, 'Pause.Reason').slice(0, MAX_PAUSE_REASON)),
  });
}

function decodeLog(value: unknown): LogTail {
  if (!Array.isArray(value)) throw wrong('Log');
  return logTail(value.map((line: unknown) => asText(line, 'Log')));
}

function decodeTimings(value: unknown): Record<string, number> {
  const entries = Object.entries(asFields(value, 'Timings'));
  if (entries.length > MOST.timings) throw wrong('Timings');
  return Object.fromEntries(
    entries.map(([phase, ms]) => {
      if (typeof ms !== 'number' || !(ms >= 0)) throw wrong('Timings');
      return [asToken(phase, 'Timings'), ms];
    }),
  );
}

function decodeBytes(value: unknown): NonNullable<StateReport['bytes']> {
  const fields = asFields(value, 'Bytes');
  return {
    fetched: asCount(fields.Fetched, 'Bytes.Fetched'),
    reused: asCount(fields.Reused, 'Bytes.Reused'),
  };
}

/** A word of no language: a version, an id, a kind. */
function asToken(value: unknown, at: string): string {
  const text = asText(value, at);
  if (!/^[A-Za-z0-9][A-Za-z0-9._+/:-]*$/.test(text) || text.length > MOST.token) throw wrong(at);
  return text;
}

function asConfig(value: unknown, at: string): string {
  try {
    return checkConfigurationName(asText(value, at));
  } catch (error) {
    throw new DeployError('invalid', `a line has a malformed ${at}`, { cause: error });
  }
}
