import { DELCOMP } from '@deploy-tools/shared/commands/command-specs.js';
import { required } from '@deploy-tools/shared/commands/required.js';
import { command } from './command.js';
import { versionJson } from './json-shapes.js';

export const delcomp = command(DELCOMP, async ({ registry }, args) => {
  const { name } = required({ name: args.name });
  const deleted = await registry.versions.deleteComponent(name);
  return { value: deleted.map(versionJson), text: '' };
});
