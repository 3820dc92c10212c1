import { ADDCONF } from '@deploy-tools/shared/commands/command-specs.js';
import { required } from '@deploy-tools/shared/commands/required.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import type { Configuration } from '@deploy-tools/shared/model.js';
import { parseLayerRef } from '@deploy-tools/shared/names.js';
import { hasOtherComponents, type LayerChanges } from '../core/layer-changes.js';
import { command } from './command.js';
import { configurationJson } from './json-shapes.js';
import { changesText } from './layer-change-text.js';
import { quoted } from './quoted.js';

/** Replaces a configuration of that name, as the Go registry does; one with other components needs -force on a terminal. */
export const addconf = command(ADDCONF, async ({ registry, change, terminal }, args) => {
  const { name } = required({ name: args.name });
  let warning = '';
  const beforeReplacing = (before: Configuration, changes: LayerChanges): void => {
    if (!hasOtherComponents(changes)) return;
    if (terminal && !args.force) throw needsForce(before, changes);
    warning = warningOf(before, changes);
  };
  const layers = args.layer.map(parseLayerRef);
  const { after } = await registry.configurations.put({ ...change, beforeReplacing }, name, layers);
  return { value: configurationJson(after), text: '', warning };
});

function needsForce({ name }: Configuration, changes: LayerChanges): DeployError {
  return new DeployError(
    'conflict',
    `configuration "${name}" exists with other components: ${changesText(changes)}`,
    { hint: 'repeat it with -force to replace it; changeconf sets one layer and keeps the others' },
  );
}

function warningOf({ name, revision }: Configuration, changes: LayerChanges): string {
  const undo = `rollback -name=${quoted(name)} -to=${revision}`;
  return `configuration "${name}" was replaced by one with other components: ${changesText(changes)} (to undo it run: ${undo})`;
}
