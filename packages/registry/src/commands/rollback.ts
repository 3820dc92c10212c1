import { ROLLBACK } from '@deploy-tools/shared/commands/fleet-specs.js';
import { layerChanges } from '../core/layer-changes.js';
import { rollBack } from '../core/rollback.js';
import { command } from './command.js';
import { configurationJson } from './json-shapes.js';
import { changesText } from './layer-change-text.js';
import { quoted } from './quoted.js';
import { required } from './required.js';

export const rollback = command(ROLLBACK, async ({ registry, change }, args) => {
  const { name } = required({ name: args.name });
  const { before, after, restored } = await rollBack(registry, change, name, args.to);
  const value = { ...configurationJson(after), restored };
  if (before === after) {
    const text = `nothing to do: the layers of revision ${restored} are those of revision ${after.revision}\n`;
    return { value: { ...value, undo: null }, text };
  }
  const changed = changesText(layerChanges(before?.layers ?? [], after.layers));
  const done = `revision ${after.revision} has the layers of revision ${restored}: ${changed}\n`;
  if (before === undefined) return { value: { ...value, undo: null }, text: done };
  const undo = `rollback -name=${quoted(name)} -to=${before.revision}`;
  return { value: { ...value, undo }, text: `${done}to undo it run:\n\t${undo}\n` };
});
