import * as z from 'zod/mini';
import { checkJson, decodeJson, type JsonSubject } from '../json/decode-json.js';
import { wireObject } from '../json/json-schemas.js';
import { DEPLOY_STATES } from './deploy-state.js';
import type { RegistryLine } from './report.js';

/** One line of JSON with its newline; documented in docs/release-life.md. */
export function encodeRegistryLine(line: RegistryLine): string {
  return `${JSON.stringify(registryLineJson(line))}\n`;
}

function registryLineJson(line: RegistryLine): object {
  switch (line.type) {
    case 'welcome':
      return { Type: 'welcome', Host: line.host };
    case 'refused':
      return { Type: 'refused', Error: line.error };
    case 'ack':
      return { Type: 'ack', Deploy: line.deploy, State: line.state };
    case 'retry':
      return { Type: 'retry', Config: line.config };
    case 'cancel':
      return { Type: 'cancel', Config: line.config, By: line.by };
    case 'heartbeat':
      return { Type: 'heartbeat' };
  }
}

const SCHEMAS = {
  welcome: wireObject({ Host: z.string() }),
  refused: wireObject({ Error: z.string() }),
  ack: wireObject({ Deploy: z.string(), State: z.enum(DEPLOY_STATES) }),
  retry: wireObject({ Config: z.string() }),
  cancel: wireObject({ Config: z.string(), By: z.string() }),
};

const typeSchema = z.looseObject({ Type: z.string() });

const SUBJECT: JsonSubject = { what: "the registry's line", kind: 'invalid' };

/**
 * Reads one line of a registry, without its newline.
 * @returns undefined for a line of a type that is not known here: a newer registry may have more.
 * @throws DeployError invalid, naming the field.
 */
export function decodeRegistryLine(line: string): RegistryLine | undefined {
  const json = decodeJson(line, typeSchema, SUBJECT);
  switch (json.Type) {
    case 'welcome':
      return { type: 'welcome', ...checkJson(json, SCHEMAS.welcome, SUBJECT) };
    case 'refused':
      return { type: 'refused', ...checkJson(json, SCHEMAS.refused, SUBJECT) };
    case 'ack':
      return { type: 'ack', ...checkJson(json, SCHEMAS.ack, SUBJECT) };
    case 'retry':
      return { type: 'retry', ...checkJson(json, SCHEMAS.retry, SUBJECT) };
    case 'cancel':
      return { type: 'cancel', ...checkJson(json, SCHEMAS.cancel, SUBJECT) };
    case 'heartbeat':
      return { type: 'heartbeat' };
    default:
      return undefined;
  }
}
