import { DeployError, ERROR_KINDS, toDeployError } from '@deploy-tools/shared/errors.js';
import {
  asFields,
  asOneOf,
  asText,
  type Fields,
  optional,
  parseFields,
  withoutUndefined,
} from '@deploy-tools/shared/report/json-fields.js';
import { MAX_PAUSE_BY, MAX_PAUSE_REASON } from '@deploy-tools/shared/report/pause-note.js';

/** What somebody on the host can ask of the agent that runs there; docs/agent.md says what each does. */
export const CONTROL_COMMANDS = [
  'status',
  'check',
  'retry',
  'redeploy',
  'cancel',
  'pause',
  'resume',
  'rollback',
] as const;

export type ControlCommand = (typeof CONTROL_COMMANDS)[number];

export interface ControlRequest {
  readonly command: ControlCommand;
  /** The configuration; undefined for each that the agent follows. */
  readonly name: string | undefined;
  /** The user who asks, as `ctl` knows it. */
  readonly by?: string;
  /** With `pause`: why. */
  readonly reason?: string;
}

/** Bytes of a request, and of an answer, each with its newline. */
export const MAX_REQUEST = 4096;
export const MAX_ANSWER = 1024 * 1024;

export function encodeRequest({ command, name, by, reason }: ControlRequest): string {
  return `${JSON.stringify({ Command: command, Name: name, By: by, Reason: reason })}\n`;
}

/** @throws DeployError invalid; unsupported for a command of another version. */
export function decodeRequest(line: string): ControlRequest {
  const fields = parseFields(line);
  const word = asText(fields.Command, 'Command');
  const command = CONTROL_COMMANDS.find((known) => known === word);
  if (command === undefined)
    throw new DeployError('unsupported', `this agent does not know "${word.slice(0, 40)}"`, {
      hint: 'it runs another version: restart it',
    });
  return {
    command,
    name: optional(fields.Name, (name) => asText(name, 'Name')),
    ...withoutUndefined({
      by: optional(fields.By, (by) => asText(by, 'By').slice(0, MAX_PAUSE_BY)),
      reason: optional(fields.Reason, (reason) => asText(reason, 'Reason').slice(0, MAX_PAUSE_REASON)),
    }),
  };
}

/** @param configs objects to be shown as they are. */
export function encodeAnswer(configs: readonly object[]): string {
  return `${JSON.stringify({ Configs: configs })}\n`;
}

export function encodeFailure(thrown: unknown): string {
  const { kind, message, hint } = toDeployError(thrown);
  return `${JSON.stringify({ Error: { Kind: kind, Message: message, Hint: hint } })}\n`;
}

/** @throws DeployError what the agent says went wrong; invalid for what is no answer. */
export function decodeAnswer(line: string): Fields[] {
  const fields = parseFields(line);
  if (fields.Error !== undefined) throw failureOf(asFields(fields.Error, 'Error'));
  if (!Array.isArray(fields.Configs))
    throw new DeployError('invalid', 'the agent gave an answer that is not understood');
  return fields.Configs.map((config) => asFields(config, 'Configs'));
}

function failureOf(fields: Fields): DeployError {
  const hint = optional(fields.Hint, (text) => asText(text, 'Error.Hint'));
  const message = asText(fields.Message, 'Error.Message');
  return new DeployError(
    asOneOf(fields.Kind, ERROR_KINDS, 'Error.Kind'),
    message,
    hint === undefined ? {} : { hint },
  );
}
