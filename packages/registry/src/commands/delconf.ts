import { DELCONF } from '@deploy-tools/shared/commands/command-specs.js';
import { required } from '@deploy-tools/shared/commands/required.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { command } from './command.js';
import { configurationJson } from './json-shapes.js';

export const delconf = command(DELCONF, async ({ registry, change }, args) => {
  const { name } = required({ name: args.name });
  if (!args.force) throw new DeployError('usage', 'Run command with -force flag to confirm removal');
  const deleted = await registry.configurations.delete(change, name);
  return { value: configurationJson(deleted), text: '' };
});
