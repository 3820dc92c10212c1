import { COMPONENTS } from '@deploy-tools/shared/commands/command-specs.js';
import { command } from './command.js';

export const components = command(COMPONENTS, async ({ registry }) => {
  const names = await registry.meta.read((tx) => tx.components());
  return { value: names, text: names.map((name) => `${name}\n`).join('') };
});
