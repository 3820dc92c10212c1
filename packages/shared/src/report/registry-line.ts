import * as z from 'zod/mini';
import { type LineOf, lineDecoder, noKeysSchema, wireObject, withWireKeys } from '../json/json-schemas.js';
import { DEPLOY_STATES } from './deploy-state.js';

const SCHEMAS = {
  /** The name that the registry knows the host by. */
  welcome: wireObject({ Host: z.string() }),
  /** The last line: why the registry does not accept the agent's lines. */
  refused: wireObject({ Error: z.string() }),
  /** The registry has stored the outcome of this attempt. */
  ack: wireObject({ Deploy: z.string(), State: z.enum(DEPLOY_STATES) }),
  /** The agent is to try the rejected revision again now. */
  retry: wireObject({ Config: z.string() }),
  /** The agent is to end the deployment in progress, as this operator wants; for agents with the feature "cancel". */
  cancel: wireObject({ Config: z.string(), By: z.string() }),
  heartbeat: noKeysSchema,
};

/** A line of a registry. */
export type RegistryLine = LineOf<'type', typeof SCHEMAS>;

/** Reads one line of a registry. @throws DeployError invalid, naming the field. */
export const decodeRegistryLine = lineDecoder({
  tag: ['Type', 'type'],
  schemas: SCHEMAS,
  subject: { what: "the registry's line", kind: 'invalid' },
});

/** One line of JSON with its newline; documented in docs/release-life.md. */
export function encodeRegistryLine(line: RegistryLine): string {
  return `${JSON.stringify(withWireKeys(line))}\n`;
}
