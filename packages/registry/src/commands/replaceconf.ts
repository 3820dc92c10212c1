import { REPLACECONF } from '@deploy-tools/shared/commands/command-specs.js';
import { required } from '@deploy-tools/shared/commands/required.js';
import { parseLayerRef } from '@deploy-tools/shared/names.js';
import { command } from './command.js';
import { configurationJson } from './json-shapes.js';

export const replaceconf = command(REPLACECONF, async ({ registry, change }, args) => {
  const { name } = required({ name: args.name });
  const layers = args.layer.map(parseLayerRef);
  const { after } = await registry.configurations.replace(change, name, layers);
  return { value: configurationJson(after), text: '' };
});
