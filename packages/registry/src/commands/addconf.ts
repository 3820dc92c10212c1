import { ADDCONF } from '@deploy-tools/shared/commands/command-specs.js';
import { required } from '@deploy-tools/shared/commands/required.js';
import { parseLayerRef } from '@deploy-tools/shared/names.js';
import { putConfiguration } from '../core/configurations.js';
import { command } from './command.js';
import { configurationJson } from './json-shapes.js';

export const addconf = command(ADDCONF, async ({ registry, change }, args) => {
  const { name } = required({ name: args.name });
  const { after } = await putConfiguration(registry, change, name, args.layer.map(parseLayerRef));
  return { value: configurationJson(after), text: '' };
});
