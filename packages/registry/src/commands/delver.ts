import { DELVER } from '@deploy-tools/shared/commands/command-specs.js';
import { required } from '@deploy-tools/shared/commands/required.js';
import { command } from './command.js';
import { versionJson } from './json-shapes.js';

export const delver = command(DELVER, async ({ registry }, args) => {
  const { name: component, version } = required({ name: args.name, version: args.version });
  return { value: versionJson(await registry.versions.delete({ component, version })), text: '' };
});
