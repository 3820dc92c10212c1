import { required } from '@deploy-tools/shared/commands/required.js';
import { DELTRACK } from '@deploy-tools/shared/commands/track-specs.js';
import { command } from './command.js';
import { trackJson } from './track-json.js';

export const deltrack = command(DELTRACK, async ({ registry }, args) => {
  const { component } = required({ component: args.component });
  return { value: trackJson(await registry.tracks.delete(component)), text: '' };
});
