import { FORGET } from '@deploy-tools/shared/commands/fleet-specs.js';
import { required } from '@deploy-tools/shared/commands/required.js';
import { command } from './command.js';

export const forget = command(FORGET, async ({ registry }, args) => {
  const { host } = required({ host: args.host });
  await registry.fleet.forget(host, args.name);
  return { value: { host, configuration: args.name ?? null }, text: '' };
});
