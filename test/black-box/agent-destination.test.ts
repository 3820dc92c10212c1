import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { systemTimers } from '@deploy-tools/agent/host/timers.js';
import { lockDestination } from '@deploy-tools/agent/place/sync/lock-destination.js';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type AgentSite,
  agentArgs,
  agentOnce,
  deployedHash,
  makeAgentSite,
  startAgent,
  stopAgent,
} from '../support/agent-site.js';
import { addConfiguration, changeLayer, command, configurationHashOf } from '../support/configuration.js';
import { binPath } from '../support/program.js';
import { describeWith } from '../support/requires.js';
import { run } from '../support/run.js';
import { fileScope, testScope } from '../support/scope.js';
import { packTree } from '../support/tree.js';
import { overOneConnection, startWorld, type World } from '../support/world.js';

const scope = fileScope();
let world: World;

beforeAll(async () => {
  world = await overOneConnection(scope, await startWorld(scope));
  const [one, two] = await Promise.all(['one', 'two'].map(release));
  if (one === undefined || two === undefined) throw new Error('no releases');
  await addConfiguration(world.operator, 'first', { code: one });
  await changeLayer(world.operator, 'first', 'code', 'v2', two);
});

const release = (version: string) =>
  packTree(scope, world.root, version, { version, 'conf/site': 'default', 'conf/rules': '/conf/local\n' });

let names = 0;

/** A host, and a configuration of its own at version one. The script fails when its release has the version in `bad`. */
async function makeHost(...flags: string[]) {
  names += 1;
  const name = `destination${names}`;
  await command(world.operator, `addconf -name ${name} -layer code:v1`);
  const site = makeAgentSite(testScope());
  const to = join(site.root, 'dest');
  const args = ['-dest', to, ...flags];
  site.scriptDoes(`cat '${to}/version' >> '${site.root}/seen'; echo >> '${site.root}/seen'
    test "$(cat "$NEWROOT/version")" != "$(cat '${site.root}/bad')"`);
  const deploy = async (version?: 'v1' | 'v2', more: readonly string[] = []) => {
    if (version !== undefined)
      await command(world.operator, `changeconf -name ${name} -component code -version ${version}`);
    return await agentOnce(world, site, name, [...args, ...more]);
  };
  return { name, site, to, args, deploy };
}

const versionAt = (to: string) => readFileSync(join(to, 'version'), 'utf8');
const seenBy = (site: AgentSite) => readFileSync(join(site.root, 'seen'), 'utf8').trimEnd().split('\n');
const isBad = (site: AgentSite, version: string) => writeFileSync(join(site.root, 'bad'), version);

describeWith(['rsync'], 'a release is synced to -dest', () => {
  it('before the script, with what is left out spared, and back when the script fails', async () => {
    const { site, to, deploy } = await makeHost(
      ...['-exclude', 'site', '-exclude-from', 'conf/rules', '-dest-mode', '0750'],
    );
    expect(await deploy()).toMatchObject({ status: 0 });
    expect(statSync(to).mode & 0o7777).toBe(0o750);
    expect(readdirSync(join(to, 'conf'))).toEqual(['rules']);
    for (const file of ['conf/site', 'conf/local', 'old']) writeFileSync(join(to, file), 'mine');
    isBad(site, 'two');
    expect(await deploy('v2')).toMatchObject({ status: 1 });
    expect(seenBy(site)).toEqual(['one', 'two', 'one']);
    expect(versionAt(to)).toBe('one');
    expect(readdirSync(to).sort()).toEqual(['conf', 'version']);
    expect(readdirSync(join(to, 'conf')).sort()).toEqual(['local', 'rules', 'site']);
  });

  it('and synced back when the script says not now', async () => {
    const { site, to, deploy } = await makeHost();
    await deploy();
    site.scriptDoes('exit 75');
    expect(await deploy('v2')).toMatchObject({ status: 1 });
    expect(versionAt(to)).toBe('one');
  });

  it('also one that runs already, when the flag is new or names another place', async () => {
    const { site, name, to, deploy } = await makeHost();
    site.scriptDoes('');
    expect((await agentOnce(world, site, name)).status).toBe(0);
    const other = join(site.root, 'other');
    expect((await deploy()).status).toBe(0);
    expect((await agentOnce(world, site, name, ['-dest', other])).status).toBe(0);
    expect([versionAt(to), versionAt(other)]).toEqual(['one', 'one']);
    expect(site.calls()).toHaveLength(3);
    expect((await agentOnce(world, site, name, ['-dest', other])).status).toBe(0);
    expect(site.calls()).toHaveLength(3);
  });

  it('never into the directory of the agent, or around it', async () => {
    const { site, name } = await makeHost();
    for (const dest of [site.dir, join(site.dir, 'x'), site.root]) {
      const { status, stderr } = await agentOnce(world, site, name, ['-dest', dest]);
      expect(status).toBe(2);
      expect(stderr).toContain('are one in the other');
    }
  });
});

it('waits while another process deploys there: ctl status says so, and cancel ends it', async () => {
  const { site, name, to, args } = await makeHost('-sync', 'release');
  const signal = new AbortController().signal;
  const lock = { to, strategy: 'release' as const, owner: undefined, waits: false, log: () => {} };
  const release = await lockDestination({ ...lock, timers: systemTimers, signal });
  const agent = startAgent(testScope(), world, site, name, args);
  const waiting = `waiting: process ${process.pid} is deploying to ${to}`;
  await agent.log.line(waiting);
  const ctl = async (...words: string[]) =>
    (await run(binPath('deploy-agent'), ['ctl', ...words, '-dir', site.dir])).stdout;
  expect(await ctl('status')).toMatch(new RegExp(`staged.*${waiting}`));
  expect(existsSync(join(site.dir, 'current'))).toBe(false);
  expect(await ctl('cancel')).toContain('cancelled before anything was switched');
  await agent.log.line('deployment failed, it waits for an operator who says retry');
  release();
  await stopAgent(agent);
  expect([existsSync(to), site.calls()]).toEqual([false, []]);
});

it('is refused where rsync(1) is missing and has to do it', async () => {
  const { site, name, to } = await makeHost();
  const bin = join(site.root, 'bin');
  mkdirSync(bin);
  symlinkSync(process.execPath, join(bin, 'node'));
  const env = { ...process.env, PATH: bin };
  const flags = agentArgs(world, site, name, ['-dest', to]);
  const said = expect.stringContaining('rsync(1) is nowhere in PATH, and the strategy rsync is its work');
  for (const words of [[], ['doctor'], ['plan']]) {
    const refused = await run(binPath('deploy-agent'), [...words, ...flags], { env });
    expect([refused.status, refused.stderr]).toEqual([2, said]);
  }
  const manifest = join(site.root, 'm.yml');
  writeFileSync(manifest, `src: file:///nowhere\nchecksum: ${'0'.repeat(64)}\ndest: ${to}\n`);
  const refused = await run(binPath('deploy-agent'), ['manifest', `file://${manifest}`], { env });
  expect([refused.status, refused.stderr]).toEqual([1, said]);
  expect(existsSync(to)).toBe(false);
});

/** Does what rsync does, but the first time it is cut off in the middle, together with the agent. */
const CUT_OFF = `#!/bin/sh
for last; do :; done
if test ! -e "$0.cut"; then touch "$0.cut"; echo half > "$last/version"; kill -9 $PPID; exit 1; fi
PATH="\${PATH#*:}" exec rsync "$@"
`;

describeWith(['rsync'], 'a sync that was cut off with the agent', () => {
  it('is done again by the next agent', async () => {
    const { site, to, deploy, args, name } = await makeHost();
    await deploy();
    const bin = join(site.root, 'bin');
    mkdirSync(bin);
    writeFileSync(join(bin, 'rsync'), CUT_OFF, { mode: 0o755 });
    const env = { ...process.env, PATH: `${bin}:${process.env.PATH}` };
    await command(world.operator, `changeconf -name ${name} -component code -version v2`);
    expect((await agentOnce(world, site, name, args, { env })).status).not.toBe(0);
    expect(versionAt(to)).toBe('half\n');
    const journal = () => JSON.parse(readFileSync(join(site.dir, 'journal.json'), 'utf8'));
    expect(journal()).toMatchObject({ attempt: { step: 'activating' } });
    expect((await agentOnce(world, site, name, args, { env })).status).toBe(0);
    expect(versionAt(to)).toBe('two');
    expect(seenBy(site)).toEqual(['one', 'two']);
    expect(journal()).toMatchObject({ attempt: { step: 'healthy' } });
  });
});

describe('with -sync release', () => {
  it('-dest is a symlink that is switched to a fresh copy, and back to the one that was there', async () => {
    const { site, to, deploy } = await makeHost('-sync', 'release');
    await deploy();
    const first = readlinkSync(to);
    isBad(site, 'two');
    expect((await deploy('v2')).status).toBe(1);
    expect(seenBy(site)).toEqual(['one', 'two', 'one']);
    expect(readlinkSync(to)).toBe(first);
    isBad(site, '');
    const held = await deploy();
    expect(held.status).toBe(1);
    expect(held.stderr).toContain('with -once, -retry-live retries it');
    expect((await deploy(undefined, ['-retry-live'])).status).toBe(0);
    expect(versionAt(to)).toBe('two');
    expect(readdirSync(`${to}.releases`)).toContain(first.split('/')[1]);
  });

  it('a directory that has the name is left alone, and nothing else is touched', async () => {
    const { site, to, deploy } = await makeHost('-sync', 'release');
    mkdirSync(to);
    const { status, stderr } = await deploy();
    expect(status).toBe(1);
    expect(stderr).toContain('is no symlink');
    expect(site.calls()).toHaveLength(0);
    expect(existsSync(join(site.dir, 'current'))).toBe(false);
  });
});

describe('with -sync mv', () => {
  it('the name has to be free, or freed by a hook; what gave way comes back when the script fails', async () => {
    const { site, to, deploy } = await makeHost('-sync', 'mv');
    await deploy();
    const refused = await deploy('v2');
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain('dest exists, and mv puts a tree only where nothing is');
    expect(seenBy(site)).toEqual(['one']);

    const prepare = join(site.root, 'prepare');
    writeFileSync(prepare, `#!/bin/sh\nrm -rf '${to}.before'; mv '${to}' '${to}.before'\n`, { mode: 0o755 });
    isBad(site, 'two');
    await deploy('v1');
    expect((await deploy('v2', ['-hook-prepare', prepare])).status).toBe(1);
    expect(seenBy(site)).toEqual(['one', 'two', 'one']);
    expect([versionAt(to), versionAt(`${to}.before`)]).toEqual(['one', 'one']);
    expect(readdirSync(site.root).filter((name) => name.startsWith('.dest'))).toEqual(['.dest.deploy-lock']);
  });
});

describe('-random-delay', () => {
  it('holds a deployment up, and neither the end of the agent nor a way back', async () => {
    const { site, to, args, name, deploy } = await makeHost('-sync', 'release');
    await deploy();
    await deploy('v2', ['-random-delay', '200ms']);
    expect(versionAt(to)).toBe('two');
    const delayed = startAgent(testScope(), world, site, name, [...args, '-random-delay', '24h']);
    await delayed.log.line('agent ready');
    await command(world.operator, `changeconf -name ${name} -component code -version v1`);
    const { seconds } = await delayed.log.line('new configuration, waiting a random delay');
    expect(seconds).toBeGreaterThan(0);
    const two = deployedHash(site);
    await run(binPath('deploy-agent'), ['ctl', 'rollback', '-dir', site.dir]);
    await delayed.log.line('rolled back to the last good release');
    expect(deployedHash(site)).not.toBe(two);
    expect(versionAt(to)).toBe('one');
    expect(await stopAgent(delayed)).toBe(0);
  });
});

it('-max-bandwidth bounds what is fetched', async () => {
  const { operator } = world;
  const noise = Array.from({ length: 20_000 }, () => Math.random().toString(36)).join('');
  await addConfiguration(operator, 'bounded', {
    noise: await packTree(scope, world.root, 'noise', { noise }),
  });
  const hash = await configurationHashOf(operator, 'bounded');
  const site = makeAgentSite(testScope());
  const began = performance.now();
  const { status } = await agentOnce(world, site, 'bounded', ['-max-bandwidth', '100KB']);
  expect(status).toBe(0);
  expect(deployedHash(site)).toBe(hash);
  // Some 150 KB travel, of which the first tenth of a second's worth comes at once.
  expect(performance.now() - began).toBeGreaterThan(1200);
});
