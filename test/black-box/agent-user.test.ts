import { chmodSync, lstatSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { agentOnce, makeAgentSite, startAgent, stopAgent } from '../support/agent-site.js';
import { archiveOf } from '../support/archive.js';
import { addConfiguration } from '../support/configuration.js';
import { startProgram } from '../support/program.js';
import { fileScope, testScope } from '../support/scope.js';
import { tempDir } from '../support/temp-dir.js';
import { makeTree, packTree, tar } from '../support/tree.js';
import { overOneConnection, startWorld, type World } from '../support/world.js';

const scope = fileScope();
let world: World;

beforeAll(async () => {
  world = await overOneConnection(scope, await startWorld(scope));
});

/** Only root can become another user. */
const asRoot = process.getuid?.() === 0 ? describe : describe.skip;

asRoot('an agent of root (skipped unless root runs it)', () => {
  it('runs the script, hooks and checks as that user, who can read the release and nothing else of the agent', async () => {
    const code = await packTree(scope, world.root, 'code', { greeting: 'hello' });
    await addConfiguration(world.operator, 'users', { 'users-code': code });
    const site = makeAgentSite(testScope());
    chmodSync(site.root, 0o755);
    const who = join(site.root, 'who');
    const read = 'cat "$NEWROOT/greeting" && grep -c users-code "$STATEFILE"';
    const body = `#!/bin/sh\necho "$HOOK $(id -un) $USER $HOME" && ${read} && ! ls -d "$NEWROOT/../../cache/"* `;
    writeFileSync(who, `${body}2>/dev/null\n`, { mode: 0o755 });
    const check = ['-health-exec', 'test "$(id -un)" = nobody', '-min-healthy', '100ms'];
    const flags = ['-user', 'nobody', '-script', who, '-hook-pre', '/bin/true', '-hook-validate', who];
    const agent = startAgent(testScope(), world, site, 'users', [...flags, ...check]);
    await agent.log.line('deployed');
    const lines = agent.log.lines.filter(({ stream }) => stream === 'stdout').map(({ msg }) => msg);
    expect(lines.filter((line) => line.includes('nobody'))).toEqual([
      expect.stringMatching(/^script nobody nobody \//),
      expect.stringMatching(/^validate nobody nobody \//),
    ]);
    expect(lines.filter((line) => line.startsWith('hello'))).toHaveLength(2);
    expect(statSync(site.dir).mode & 0o777).toBe(0o750);
    expect(await stopAgent(agent)).toBe(0);
  });

  it('without -user, lets services of any user get to their release, and to nothing private', async () => {
    const path = join(world.root, 'closed.tar.gz');
    const tree = tempDir(testScope());
    makeTree(tree, { greeting: 'hello' });
    chmodSync(tree, 0o700);
    await tar('czf', path, '-C', tree, '.');
    await addConfiguration(world.operator, 'open', { 'open-code': archiveOf(path) });
    const site = makeAgentSite(testScope());
    chmodSync(site.root, 0o755);
    site.scriptDoes('setpriv --reuid=65534 --regid=65534 --clear-groups cat "$NEWROOT/greeting"');
    const done = await agentOnce(world, site, 'open');
    expect([done.status, done.stderr]).toEqual([0, expect.stringContaining('hello')]);
    const others = (name: string) => (lstatSync(join(site.dir, name)).mode & 0o077) !== 0;
    expect(readdirSync(site.dir).filter(others).sort()).toEqual(['current', 'unpacked']);
  });

  it('runs two applications of one file as different users', async () => {
    const site = makeAgentSite(testScope());
    chmodSync(site.root, 0o755);
    const script = join(site.root, 'who');
    writeFileSync(script, '#!/bin/sh\necho "$CONFIG as $(id -un): $(cat "$NEWROOT/name")"\n', {
      mode: 0o755,
    });
    const entries = ['nobody', 'daemon'].map(
      (user) =>
        `  - { name: as-${user}, user: ${user}, script: ${script}, state: ${site.root}/${user}.json }\n`,
    );
    const { host, port, fingerprint, site: registry } = world.registry;
    const shared = `addr: ${host}:${port}\nfp: ${fingerprint}\nkey: ${registry.agent.path}\ndir: ${site.dir}\n`;
    const path = join(site.root, 'agent.yml');
    writeFileSync(path, `${shared}configurations:\n${entries.join('')}`);
    for (const user of ['nobody', 'daemon']) {
      const code = await packTree(scope, world.root, user, { name: user });
      await addConfiguration(world.operator, `as-${user}`, { [`code-${user}`]: code });
    }
    const agent = startProgram(testScope(), 'deploy-agent', ['-config', path]);
    for (const user of ['nobody', 'daemon'])
      await agent.log.line(({ msg }) => msg === `as-${user} as ${user}: ${user}`);
    expect(await stopAgent(agent)).toBe(0);
  });

  it('refuses a user that there is not', async () => {
    const site = makeAgentSite(testScope());
    const agent = startAgent(testScope(), world, site, 'users', ['-user', 'no-such-user-here']);
    expect(await agent.ended).toBe(2);
  });
});
