import type { ConfigLayer } from '@deploy-tools/shared/config-json.js';
import { type DeployError, rewordError } from '@deploy-tools/shared/errors.js';

/** The name of a layer in messages: `code:v1`. */
export function layerLabel(layer: Pick<ConfigLayer, 'name' | 'version'>): string {
  return `${layer.name}:${layer.version}`;
}

/** The error with the name of its layer. @param label `code:v1`. */
export function layerError(label: string, error: unknown): DeployError {
  return rewordError(error, (message) => `layer ${label}: ${message}`);
}
