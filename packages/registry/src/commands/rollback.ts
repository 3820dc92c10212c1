import { ROLLBACK } from '@deploy-tools/shared/commands/fleet-specs.js';
import { required } from '@deploy-tools/shared/commands/required.js';
import { hasFailed, landedText } from '../core/fleet/landings.js';
import { layerChanges } from '../core/layer-changes.js';
import { type LandedRevision, listed, rollBack } from '../core/rollback.js';
import { command } from './command.js';
import { configurationJson } from './json-shapes.js';
import { changesText } from './layer-change-text.js';
import { quoted } from './quoted.js';

export const rollback = command(ROLLBACK, async ({ registry, change }, args) => {
  const { name } = required({ name: args.name });
  const { before, after, restored, passedOver } = await rollBack(registry, change, {
    name,
    to: args.to,
  });
  const { revision, landed } = restored;
  const value = { ...configurationJson(after), restored: revision, landed, passedOver };
  if (before === after) {
    const text = `nothing to do: the layers of revision ${revision} are those of revision ${after.revision}\n`;
    return { value: { ...value, undo: null }, text };
  }
  const changed = changesText(layerChanges(before?.layers ?? [], after.layers));
  const passed = passedOver.length === 0 ? '' : `passed over: ${listed(passedOver)}\n`;
  const done = `revision ${after.revision} has the layers of revision ${revision}: ${changed}\n${passed}`;
  const warning = warningOf(restored);
  if (before === undefined) return { value: { ...value, undo: null }, text: done, warning };
  const undo = `rollback -name=${quoted(name)} -to=${before.revision}`;
  return { value: { ...value, undo }, text: `${done}to undo it run:\n\t${undo}\n`, warning };
});

function warningOf({ revision, landed }: LandedRevision): string {
  return hasFailed(landed) ? `revision ${revision} has failed before: ${landedText(landed)}` : '';
}
