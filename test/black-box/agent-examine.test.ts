import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type AgentSite, agentArgs, agentOnce, makeAgentSite } from '../support/agent-site.js';
import { addConfiguration, changeLayer } from '../support/configuration.js';
import { binPath } from '../support/program.js';
import { type RunResult, run } from '../support/run.js';
import { fileScope, testScope } from '../support/scope.js';
import { tempDir } from '../support/temp-dir.js';
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

/** An agent.yml beside the first one. */
function fileOf(sites: Readonly<Record<string, AgentSite>>): string {
  const { host, port, fingerprint, site } = world.registry;
  const dir = tempDir(testScope());
  const shared = `addr: ${host}:${port}\nfp: ${fingerprint}\nkey: ${site.agent.path}\ndir: ${join(dir, 'agent')}\n`;
  const entries = Object.entries(sites).map(
    ([name, own]) => `  - {name: ${name}, dir: ${own.dir}, state: ${own.state}, script: ${own.script}}\n`,
  );
  const path = join(dir, 'agent.yml');
  writeFileSync(path, `${shared}configurations:\n${entries.join('')}`);
  return path;
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
    const wrong = ['-fp', `SHA256:${'A'.repeat(43)}`, '-state', join(site.script, 'state.json')];
    const { stdout, status } = await examine('doctor', site, [...wrong, '-hook-pre', './nowhere']);
    expect(status).toBe(1);
    expect(stdout).toMatch(/^FAIL {2}script +.*chmod \+x/m);
    expect(stdout).toMatch(/^FAIL {2}hook-pre +.*does not exist/m);
    expect(stdout).toMatch(/^FAIL {2}state +.*cannot be written/m);
    expect(stdout).toMatch(/^FAIL {2}registry +.*host key/m);
  });

  it('finds nothing wrong with a directory that is to be made, also for the state', async () => {
    const site = makeAgentSite(testScope());
    const { stdout, status } = await examine('doctor', site, ['-state', join(site.dir, 'state.json')]);
    expect(stdout).toMatch(/^ok {4}state +.*nothing was deployed yet$/m);
    expect(status).toBe(0);
  });

  it('looks at all configurations of a file, and at what they share once', async () => {
    const [good, bad] = [makeAgentSite(testScope()), makeAgentSite(testScope())];
    writeFileSync(bad.script, '#!/bin/bsh\n', { mode: 0o755 });
    const path = fileOf({ app: good, nothing: bad });
    const { stdout, status } = await run(binPath('deploy-agent'), ['doctor', '-config', path]);
    expect(status).toBe(1);
    const failed = stdout.split('\n').filter((line) => !/^(ok |$)/.test(line));
    expect(failed).toEqual([
      expect.stringMatching(/^FAIL {2}nothing script +.*interpreter that does not exist: \/bin\/bsh/),
      expect.stringMatching(/^FAIL {2}nothing configuration +the registry has no configuration "nothing"/),
    ]);
    for (const once of [
      'key',
      'directory',
      'registry',
      'clock',
      'app state',
      'app script',
      'app configuration',
    ])
      expect(stdout.match(new RegExp(`^ok {4}${once} {2}`, 'gm')), once).toHaveLength(1);
  });

  it('looks at a source', async () => {
    const site = makeAgentSite(testScope());
    const place = tempDir(testScope());
    const where = ['-dir', site.dir, '-state', site.state];
    const look = () =>
      run(binPath('deploy-agent'), ['doctor', '-source', `file://${place}?os=linux&arch=amd64`, ...where]);
    expect((await look()).stdout).toMatch(/^FAIL {2}source +.* has no release to deploy/m);
    mkdirSync(join(place, 'v1.0.0'));
    writeFileSync(join(place, 'v1.0.0', 'app_linux_amd64.tar.gz'), '');
    const { stdout, status } = await look();
    expect(stdout).toMatch(/^ok {4}source +file:\S+ has v1\.0\.0$/m);
    expect(status).toBe(0);
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
    const both = await run(binPath('deploy-agent'), [
      'plan',
      '-config',
      fileOf({ app: site, nothing: makeAgentSite(testScope()) }),
    ]);
    expect(both.stdout).toMatch(
      /^configuration +app\n[\s\S]*^verdict +deploy in \w+: [\s\S]*\n\nconfiguration +nothing\n/m,
    );
    expect(both.stdout).toMatch(/^verdict +FAIL: the registry has no configuration "nothing"/m);
    expect(both.status).toBe(1);
    rmSync(site.dir, { recursive: true });
  });
});
