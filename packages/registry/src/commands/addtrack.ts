import { required } from '@deploy-tools/shared/commands/required.js';
import { ADDTRACK } from '@deploy-tools/shared/commands/track-specs.js';
import { command } from './command.js';
import { trackJson } from './track-json.js';

export const addtrack = command(ADDTRACK, async ({ registry, change }, args) => {
  const { component, source } = required({ component: args.component, source: args.source });
  const track = await registry.tracks.add(change, {
    component,
    source,
    bump: args.bump.flatMap((names) => names.split(',')).filter((name) => name !== ''),
    intervalMs: args.interval,
    os: args.os,
    arch: args.arch ?? process.arch,
    slot: args.slot,
  });
  return { value: trackJson(track), text: '' };
});
