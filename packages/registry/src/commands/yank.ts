import { required } from '@deploy-tools/shared/commands/required.js';
import { YANK } from '@deploy-tools/shared/commands/track-specs.js';
import { command } from './command.js';

export const yank = command(YANK, async ({ registry, change }, args) => {
  const layer = required({ component: args.component, version: args.version });
  if (args.undo) {
    await registry.tracks.unyank(layer);
    return { value: { ...layer, yanked: false, instead: null, bumped: [] }, text: '' };
  }
  const { instead, bumped } = await registry.tracks.yank(change, layer);
  return {
    value: { ...layer, yanked: true, instead: instead ?? null, bumped },
    text: bumped.map((name) => `${name} has ${layer.component}:${instead} now\n`).join(''),
  };
});
