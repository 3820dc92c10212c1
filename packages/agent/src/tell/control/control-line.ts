import { DeployError, ERROR_KINDS, toDeployError } from '@deploy-tools/shared/errors.js';
import { decodeJson, type JsonSubject } from '@deploy-tools/shared/json/decode-json.js';
import { cutText, type Fields, wireObject, withWireKeys } from '@deploy-tools/shared/json/json-schemas.js';
import { MAX_PAUSE_BY, MAX_PAUSE_REASON } from '@deploy-tools/shared/report/pause-note.js';
import * as z from 'zod/mini';

/** The commands of `deploy-agent ctl`; docs/agent.md explains each. */
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
  /** The configuration; undefined for all that the agent follows. */
  readonly name?: string | undefined;
  /** The user who runs `ctl`. */
  readonly by?: string;
  /** For `pause`. */
  readonly reason?: string;
}

/** Bytes of a line with its newline. */
export const MAX_REQUEST = 4096;
export const MAX_ANSWER = 1024 * 1024;

export function encodeRequest(request: ControlRequest): string {
  return `${JSON.stringify(withWireKeys(request))}\n`;
}

const requestSchema = wireObject({
  Command: z.string(),
  Name: z.optional(z.string()),
  By: z.optional(cutText(MAX_PAUSE_BY)),
  Reason: z.optional(cutText(MAX_PAUSE_REASON)),
});

/** @throws DeployError invalid; unsupported for an unknown command. */
export function decodeRequest(line: string): ControlRequest {
  const request = decodeJson(line, requestSchema, { what: 'the request', kind: 'invalid' });
  const command = CONTROL_COMMANDS.find((known) => known === request.command);
  if (command !== undefined) return { ...request, command };
  throw new DeployError('unsupported', `this agent does not know "${request.command.slice(0, 40)}"`, {
    hint: 'it runs another version: restart it',
  });
}

export function encodeAnswer(configs: readonly object[]): string {
  return `${JSON.stringify({ Configs: configs })}\n`;
}

export function encodeFailure(thrown: unknown): string {
  const { kind, message, hint } = toDeployError(thrown);
  return `${JSON.stringify({ Error: withWireKeys({ kind, message, hint }) })}\n`;
}

const answerSchema = wireObject({
  Error: z.optional(
    wireObject({ Kind: z.enum(ERROR_KINDS), Message: z.string(), Hint: z.optional(z.string()) }),
  ),
  Configs: z.optional(z.array(z.record(z.string(), z.unknown()))),
});

/** @throws DeployError the agent's error; invalid for a malformed answer. */
export function decodeAnswer(line: string): Fields[] {
  const subject: JsonSubject = { what: "the agent's answer", kind: 'invalid' };
  const { error, configs } = decodeJson(line, answerSchema, subject);
  if (error !== undefined) throw new DeployError(error.kind, error.message, { hint: error.hint });
  if (configs !== undefined) return configs;
  throw new DeployError('invalid', 'the answer of the agent has neither a result nor an error');
}
