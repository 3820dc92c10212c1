import { CHANGECONF } from '@deploy-tools/shared/commands/command-specs.js';
import { required } from '@deploy-tools/shared/commands/required.js';
import { command } from './command.js';
import { configurationJson } from './json-shapes.js';

export const changeconf = command(CHANGECONF, async ({ registry, change }, args) => {
  const { name, component, version } = required({
    name: args.name,
    component: args.component,
    version: args.version,
  });
  const { after } = await registry.configurations.changeLayer(change, name, { component, version });
  return { value: configurationJson(after), text: '' };
});
