import { CONFIGURATIONS } from '@deploy-tools/shared/commands/command-specs.js';
import { command } from './command.js';

export const configurations = command(CONFIGURATIONS, async ({ registry }) => {
  const names = await registry.meta.read((tx) => tx.configurations());
  return { value: names, text: names.map((name) => `${name}\n`).join('') };
});
