import { DEPLOY_STATES } from './deploy-state.js';
import { asOneOf, asText, type Fields, parseFields } from './json-fields.js';
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

/**
 * Reads one line of a registry, without its newline.
 * @returns undefined for a line of a type that is not known here: a newer registry may have more.
 * @throws DeployError invalid, naming the key that is wrong.
 */
export function decodeRegistryLine(line: string): RegistryLine | undefined {
  const fields = parseFields(line);
  const text = (key: keyof Fields & string) => asText(fields[key], key);
  switch (text('Type')) {
    case 'welcome':
      return { type: 'welcome', host: text('Host') };
    case 'refused':
      return { type: 'refused', error: text('Error') };
    case 'ack':
      return { type: 'ack', deploy: text('Deploy'), state: asOneOf(fields.State, DEPLOY_STATES, 'State') };
    case 'retry':
      return { type: 'retry', config: text('Config') };
    case 'cancel':
      return { type: 'cancel', config: text('Config'), by: text('By') };
    case 'heartbeat':
      return { type: 'heartbeat' };
    default:
      return undefined;
  }
}
