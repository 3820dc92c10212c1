import { checkEnvironment, proveRelease } from '@deploy-tools/agent/deploy/prove-release.js';
import { expect, it } from 'vitest';
import { testScope } from '../../../../test/support/scope.js';
import { tempDir } from '../../../../test/support/temp-dir.js';
import { agentContext, configOf } from '../agent-context.js';

it('a warning passes, and is in the log of the deployment', async () => {
  const made = await agentContext(tempDir(testScope()));
  const checks = [{ kind: 'exec' as const, command: 'echo slow; exit 3' }];
  const context = {
    ...made,
    settings: { ...made.settings, health: { ...made.settings.health, checks, warnStatus: 3 } },
  };
  const config = configOf({ hash: 'b'.repeat(64), size: 1 });
  const next = { id: config.hash, root: '/v2' };
  const environment = checkEnvironment(context, {
    old: undefined,
    next,
    config,
    reason: 'deploy',
    attempt: 1,
  });
  await proveRelease(context, { how: 'for-long', environment });
  expect(context.facts.log.text()).toMatch(/^health warning: exec echo slow; exit 3: exit status 3: slow$/m);
});
