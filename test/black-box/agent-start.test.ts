import { expect, it } from 'vitest';
import { agentArgs, makeAgentSite } from '../support/agent-site.js';
import { binPath } from '../support/program.js';
import { fileScope } from '../support/scope.js';
import { Terminal } from '../support/terminal.js';
import { startWorld } from '../support/world.js';

const scope = fileScope();

it('its log is for people where standard error is a terminal', async () => {
  const world = await startWorld(scope);
  const args = agentArgs(world, makeAgentSite(scope), 'nothing-of-that-name', ['-once']);
  const terminal = new Terminal(scope, binPath('deploy-agent'), args, { columns: 200 });
  expect(await terminal.ended).toBe(1);
  expect(terminal.screen.rows.join('\n')).toMatch(/ERROR the registry has no configuration/);
});
