import { CANCEL } from '@deploy-tools/shared/commands/fleet-specs.js';
import { required } from '@deploy-tools/shared/commands/required.js';
import { isInProgress } from '@deploy-tools/shared/report/deploy-state.js';
import { command } from './command.js';
import { namesOf, namesText, tellHosts } from './tell-hosts.js';

/** What is wanted stays as it is: the revision is held on these hosts until somebody says retry. */
export const cancel = command(CANCEL, async ({ registry, change }, args) => {
  const { name } = required({ name: args.name });
  const { told, notConnected, tooOld } = await tellHosts(registry, {
    name,
    host: args.host,
    isFor: ({ follower }) => isInProgress(follower.report?.state),
    line: { type: 'cancel', config: name, by: change.author.comment || change.author.fingerprint },
  });
  const lines = [
    namesText('told', told),
    namesText('not connected', notConnected),
    namesText('agents of a version without cancel', tooOld),
  ];
  const text = lines.join('');
  return {
    status: notConnected.length + tooOld.length === 0 ? 0 : 1,
    value: { name, told: namesOf(told), notConnected: namesOf(notConnected), tooOld: namesOf(tooOld) },
    text: text === '' ? 'no host is deploying: nothing to cancel\n' : text,
  };
});
