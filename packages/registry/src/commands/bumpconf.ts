import { BUMPCONF } from '@deploy-tools/shared/commands/command-specs.js';
import { required } from '@deploy-tools/shared/commands/required.js';
import { command } from './command.js';
import { configurationJson } from './json-shapes.js';
import { quoted } from './quoted.js';

export const bumpconf = command(BUMPCONF, async ({ registry, change }, args) => {
  const { name, component } = required({ name: args.name, component: args.component });
  const { before, after } = await registry.configurations.bumpLayer(change, name, component);
  const old = before?.layers.find((layer) => layer.component === component);
  const value = configurationJson(after);
  if (old === undefined || before === after) return { value: { ...value, undo: null }, text: '' };
  const undo = `changeconf -name=${quoted(name)} -component=${quoted(component)} -version=${quoted(old.version)}`;
  return { value: { ...value, undo }, text: `to roll back run:\n\t${undo}\n` };
});
