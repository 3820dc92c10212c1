import { chmodSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type AgentSite, agentArgs, agentOnce, makeAgentSite } from '../support/agent-site.js';
import { addConfiguration, changeLayer } from '../support/configuration.js';
import { binPath } from '../support/program.js';
import { type RunResult, run } from '../support/run.js';
import { fileScope, testScope } from '../support/scope.js';
import { packTree } from '../support/tree.js';
import { overOneConnection, startWorld, type World } from '../support/world.js';

const scope = fileScope();
let world: World;

beforeAll(async () => {
  world = await overOneConnection(scope, await startWorld(scope, ['-heartbeat', '100ms']));
  const code = await packTree(scope, world.root, 'one', { version: '1' });
  await addConfiguration(world.operator, 'app', { 'app-code': code });
});

function examine(
  what: 'doctor' | 'plan',
  site: AgentSite,
  flags: readonly string[] = [],
  name = 'app',
): Promise<RunResult> {
  return run(binPath('deploy-agent'), [what, ...agentArgs(world, site, name, flags)]);
}

describe('doctor', () => {
  it('finds nothing wrong where an agent works, and changes nothing', async () => {
    const site = makeAgentSite(testScope());
    const { stdout, status } = await examine('doctor', site);
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .filter((line) => !line.startsWith('ok ')),
    ).toEqual([]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^ok {4}clock +.*, as the registry's$/m);
    expect(existsSync(site.dir)).toBe(false);
  });

  it('names each thing that is wrong, and what to do', async () => {
    const site = makeAgentSite(testScope());
    chmodSync(site.script, 0o644);
    const wrong = ['-fp', `SHA256:${'A'.repeat(43)}`, '-state', join(site.root, 'none', 'state.json')];
    const { stdout, status } = await examine('doctor', site, [...wrong, '-hook-pre', './nowhere']);
    expect(status).toBe(1);
    expect(stdout).toMatch(/^FAIL {2}script +.*chmod \+x/m);
    expect(stdout).toMatch(/^FAIL {2}hook-pre +.*does not exist/m);
    expect(stdout).toMatch(/^FAIL {2}state +.*cannot be written/m);
    expect(stdout).toMatch(/^FAIL {2}registry +.*host key/m);
  });

  it('tells of a configuration that does not exist', async () => {
    const { stdout, status } = await examine('doctor', makeAgentSite(testScope()), [], 'nothing');
    expect(status).toBe(1);
    expect(stdout).toMatch(/^FAIL {2}configuration +the registry has no configuration "nothing"/m);
  });
});

describe('plan', () => {
  it('says what would happen and why, without doing it', async () => {
    const site = makeAgentSite(testScope());
    const first = (await examine('plan', site)).stdout;
    expect(first).toMatch(/^verdict +deploy: nothing runs yet$/m);
    expect(first).toMatch(/^layer +app-code:v1: fetch /m);
    expect(first).toMatch(/^script +.*deploy\.sh$/m);
    expect(existsSync(site.dir)).toBe(false);
    expect((await agentOnce(world, site, 'app')).status).toBe(0);
    expect((await examine('plan', site)).stdout).toMatch(/^verdict +nothing: it is current$/m);

    const next = await packTree(scope, world.root, 'two', { version: '2' });
    await changeLayer(world.operator, 'app', 'app-code', 'v2', next);
    site.scriptDoes('exit 3');
    expect((await agentOnce(world, site, 'app')).status).toBe(1);
    const held = (await examine('plan', site, ['-rollback=true'])).stdout;
    expect(held).toMatch(/^verdict +deploy in \w+: it failed \(1 in a row\): /m);
    expect(held).toMatch(/^on failure +back to revision 1 /m);
    rmSync(site.dir, { recursive: true });
  });
});
