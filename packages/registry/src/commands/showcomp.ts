import { columns } from '@deploy-tools/shared/columns.js';
import { SHOWCOMP } from '@deploy-tools/shared/commands/command-specs.js';
import { required } from '@deploy-tools/shared/commands/required.js';
import { command } from './command.js';
import { seconds, versionJson } from './json-shapes.js';

/** An unknown component has no versions, and that is not an error: the original answers so too. */
export const showcomp = command(SHOWCOMP, async ({ registry }, args) => {
  const { name } = required({ name: args.name });
  const versions = await registry.meta.read((tx) => tx.versions(name));
  return {
    value: versions.map(versionJson),
    text: columns(versions.map(({ created, version }) => [seconds(created), version])),
  };
});
