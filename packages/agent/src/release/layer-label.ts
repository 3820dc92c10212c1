import type { ConfigLayer } from '@deploy-tools/shared/config-json.js';

/** How messages name a layer: `code:v1`. */
export function layerLabel(layer: Pick<ConfigLayer, 'name' | 'version'>): string {
  return `${layer.name}:${layer.version}`;
}
