import { existsSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type AgentSite,
  agentOnce,
  deployedHash,
  makeAgentSite,
  startAgent,
  stopAgent,
} from '../support/agent-site.js';
import type { Archive } from '../support/archive.js';
import { addConfiguration, changeLayer, command, configurationHashOf } from '../support/configuration.js';
import { PATIENCE } from '../support/patience.js';
import { binPath } from '../support/program.js';
import { run } from '../support/run.js';
import { fileScope, type Scope, testScope } from '../support/scope.js';
import { tempDir } from '../support/temp-dir.js';
import { listTree, packTree } from '../support/tree.js';
import { until } from '../support/until.js';
import { overOneConnection, startWorld, type World } from '../support/world.js';

const scope = fileScope();
let world: World;

beforeAll(async () => {
  world = await overOneConnection(scope, await startWorld(scope, ['-heartbeat', '1s', '-lost-after', '10s']));
});

/** A release that is healthy when its file says so. */
function release(version: string, health: 'good' | 'bad'): Promise<Archive> {
  return packTree(scope, world.root, `${version}-${Math.random()}`, { version, health });
}

const HEALTH = [
  '-health-exec',
  'test "$(cat "$NEWROOT/health")" = good',
  '-min-healthy',
  '300ms',
  '-healthy-deadline',
  '30s',
];
const CHECKED = [...HEALTH, '-health-interval', '100ms'];

const current = (site: AgentSite) => readlinkSync(join(site.dir, 'current'));
const journal = (site: AgentSite) => JSON.parse(readFileSync(join(site.dir, 'journal.json'), 'utf8'));

/** A program for a hook: notes its name, what it is told, and what it reads. */
function hookIn(site: AgentSite, name: string, body = ''): string {
  const path = join(site.root, `hook-${name}`);
  const note = `echo "$HOOK $REASON $ATTEMPT $(basename "$OLDROOT" | cut -c1-4) $(basename "$NEWROOT" | cut -c1-4)"`;
  writeFileSync(path, `#!/bin/sh\n${note} >> '${site.root}/hooks'\ncat > '${path}.stdin'\n${body}\n`, {
    mode: 0o755,
  });
  return path;
}

const hooksOf = (site: AgentSite) =>
  existsSync(join(site.root, 'hooks'))
    ? readFileSync(join(site.root, 'hooks'), 'utf8').trimEnd().split('\n')
    : [];

describe('a release whose health check fails', () => {
  it('is gone back from once; the operator sees host and reason; nothing loops; a good one deploys at once', async () => {
    const name = 'unhealthy';
    await addConfiguration(world.operator, name, { 'unhealthy-code': await release('one', 'good') });
    const first = await configurationHashOf(world.operator, name);
    const site = makeAgentSite(testScope());
    const agent = startAgent(testScope(), world, site, name, [
      ...CHECKED,
      '-host',
      'web7',
      '-label',
      'zone=a',
    ]);
    await agent.log.line('deployed');
    expect((await world.operator.exec(`status ${name} -wait ${PATIENCE}`)).status).toBe(0);

    const waiting = world.operator.exec(`status ${name} -wait ${PATIENCE}`);
    await changeLayer(world.operator, name, 'unhealthy-code', 'v2', await release('two', 'bad'));
    const second = await configurationHashOf(world.operator, name);
    await agent.log.line('failed before, waiting');
    await waiting;
    const { status, stdout } = await world.operator.exec(`status ${name} -wait ${PATIENCE}`);
    expect(status).toBe(1);
    expect(stdout).toMatch(/web7 +rolled-back .*unhealthy: failed 3 times in a row: exec test/);
    expect(site.calls().map(({ env }) => [env.OLDID, env.NEWID, env.REASON])).toEqual([
      ['', first, 'deploy'],
      [first, second, 'deploy'],
      [second, first, 'rollback'],
    ]);
    expect(deployedHash(site)).toBe(first);
    expect(current(site)).toBe(join('unpacked', first));
    expect(journal(site)).toMatchObject({ running: { hash: first }, attempt: { step: 'rolled-back' } });
    const looks = agent.log.lines.length;
    agent.child.kill('SIGHUP');
    await agent.log.lineAfter(looks, 'failed before, waiting');
    expect(site.calls()).toHaveLength(3);
    expect(await command(world.operator, `logs -name ${name} -host web7`)).toContain('health critical');

    await changeLayer(world.operator, name, 'unhealthy-code', 'v3', await release('three', 'good'));
    const third = await configurationHashOf(world.operator, name);
    expect((await world.operator.exec(`status ${name} -wait ${PATIENCE}`)).status).toBe(0);
    expect(site.calls()[3]?.env).toMatchObject({ OLDID: first, NEWID: third, ATTEMPT: '1' });
    expect(current(site)).toBe(join('unpacked', third));
    expect(await stopAgent(agent)).toBe(0);
  });

  it('that is a command with status 1 is not healthy; it runs where the script does, and is told what that is', async () => {
    const name = 'asked';
    await addConfiguration(world.operator, name, { 'asked-code': await release('one', 'good') });
    const site = makeAgentSite(testScope());
    const note = 'echo "$PWD|$OLDID|$OLDROOT|$NEWID|$NEWROOT|$LAYER_0_NAME" >> asked';
    const flags = [...CHECKED, '-health-exec', `${note}; ! grep -q bad "$NEWROOT/health"`];
    expect((await agentOnce(world, site, name, flags)).status).toBe(0);
    await changeLayer(world.operator, name, 'asked-code', 'v2', await release('two', 'bad'));
    expect((await agentOnce(world, site, name, flags)).status).toBe(1);
    const asked = new Set(readFileSync(join(site.root, 'asked'), 'utf8').trimEnd().split('\n'));
    const told = site
      .calls()
      .map(({ env: { OLDID, OLDROOT, NEWID, NEWROOT, LAYER_0_NAME } }) =>
        [site.root, OLDID, OLDROOT, NEWID, NEWROOT, LAYER_0_NAME].join('|'),
      );
    expect(told).toHaveLength(3);
    expect([...asked]).toEqual(told);
  });

  it('is told with what the check says now, while it is validated', async () => {
    const name = 'slow';
    await addConfiguration(world.operator, name, { 'slow-code': await release('one', 'good') });
    const site = makeAgentSite(testScope());
    const check = ['-health-exec', `cat '${site.root}/says' >&2; test -e '${site.root}/passes'`];
    const times = ['-min-healthy', '20m', '-healthy-deadline', '30m', '-unhealthy-after', '0'];
    writeFileSync(join(site.root, 'says'), 'no database yet');
    startAgent(testScope(), world, site, name, [...check, ...times, '-host', 'web9']);
    const ctl = () => run(binPath('deploy-agent'), ['ctl', 'status', '-dir', site.dir]);
    const status = async () => (await world.operator.exec(`status ${name}`)).stdout;
    await until('the answer is told', async () =>
      /web9 +validating .*unhealthy: exec .*exit status 1: no database yet/.test(await status()),
    );
    expect((await ctl()).stdout).toMatch(/slow +validating .*exec .*exit status 1: no database yet/);
    expect(await command(world.operator, `logs -name ${name} -host web9`)).toMatch(
      /: under way\nunhealthy: exec .*exit status 1: no database yet\n/,
    );
    writeFileSync(join(site.root, 'says'), 'no table yet');
    await until('the next one is told', async () => /exit status 1: no table yet/.test(await status()));
    writeFileSync(join(site.root, 'passes'), '');
    await until(
      'it passes',
      async () => /web9 +validating/.test(await status()) && !/exec/.test(await status()),
    );
    expect((await ctl()).stdout).not.toContain('exec');
    expect(await command(world.operator, `logs -name ${name} -host web9`)).not.toContain('unhealthy');
  });

  it('is in sync again when the release before is wanted again, without a deployment', async () => {
    const name = 'reverted';
    await addConfiguration(world.operator, name, { 'reverted-code': await release('one', 'good') });
    const site = makeAgentSite(testScope());
    const agent = startAgent(testScope(), world, site, name, [...CHECKED, '-host', 'web8']);
    await agent.log.line('deployed');
    await changeLayer(world.operator, name, 'reverted-code', 'v2', await release('two', 'bad'));
    await agent.log.line('rolled back to the last good release');
    await command(world.operator, `changeconf -name ${name} -component reverted-code -version v1`);
    expect((await world.operator.exec(`status ${name} -wait ${PATIENCE}`)).status).toBe(0);
    expect(site.calls()).toHaveLength(3);
  });

  it('is tried again when an operator says so', async () => {
    const name = 'retried';
    await addConfiguration(world.operator, name, { 'retried-code': await release('one', 'good') });
    const site = makeAgentSite(testScope(), 'test ! -e "$0.no"');
    const agent = startAgent(testScope(), world, site, name, [...CHECKED, '-host', 'web9']);
    await agent.log.line('deployed');
    writeFileSync(`${site.script}.no`, '');
    await changeLayer(world.operator, name, 'retried-code', 'v2', await release('two', 'good'));
    await agent.log.line((line) => line.msg.startsWith('deployment failed'));
    expect(journal(site).attempt.step).toBe('inconsistent');
    expect((await world.operator.exec(`status ${name} -wait ${PATIENCE}`)).status).toBe(1);
    site.scriptDoes('');
    const before = agent.log.lines.length;
    await command(world.operator, `retry -name ${name}`);
    await agent.log.lineAfter(before, 'deployed');
    expect(site.calls().at(-1)?.env).toMatchObject({ REASON: 'retry', ATTEMPT: '2' });
    expect((await world.operator.exec(`status ${name} -wait ${PATIENCE}`)).status).toBe(0);
  });

  describe('that is being validated', () => {
    /** It is never healthy, and time is not what ends that. */
    const PATIENT = [...CHECKED, ...['-healthy-deadline', '30m', '-unhealthy-after', '0']];

    async function validating(name: string, flags: readonly string[] = []) {
      await addConfiguration(world.operator, name, { [`${name}-code`]: await release('one', 'good') });
      const site = makeAgentSite(testScope());
      const agent = startAgent(testScope(), world, site, name, [...PATIENT, '-host', name, ...flags]);
      await agent.log.line('deployed');
      await changeLayer(world.operator, name, `${name}-code`, 'v2', await release('two', 'bad'));
      await agent.log.line((line) => String(line.msg).startsWith('exec test') && line.status === 'critical');
      return { site, agent };
    }

    it('is gone back from when an operator says rollback', async () => {
      const name = 'interrupted';
      const { site, agent } = await validating(name);
      await command(world.operator, `rollback -name ${name}`);
      await agent.log.line('rolled back to the last good release');
      expect((await world.operator.exec(`status ${name} -wait ${PATIENCE}`)).status).toBe(0);
      expect(site.calls().map(({ env }) => env.REASON)).toEqual(['deploy', 'deploy', 'rollback']);
      expect(deployedHash(site)).toBe(await configurationHashOf(world.operator, name));
      expect(await stopAgent(agent)).toBe(0);
    });

    it('is rolled back from when an operator cancels it, and held', async () => {
      const name = 'cancelled';
      const { site, agent } = await validating(name);
      expect(await command(world.operator, `cancel ${name}`)).toBe(`told: ${name}\n`);
      await agent.log.line('rolled back to the last good release');
      const waited = await world.operator.exec(`status ${name} -wait ${PATIENCE}`);
      expect(waited.status).toBe(1);
      expect(waited.stdout).toContain('cancelled by ');
      expect(site.calls().map(({ env }) => env.REASON)).toEqual(['deploy', 'deploy', 'rollback']);
      expect(journal(site).hold).not.toHaveProperty('notBefore');
      expect(await stopAgent(agent)).toBe(0);
    });

    it('is rolled back from by an agent that is started anew, when that is what is wanted by then', async () => {
      const name = 'restarted';
      const { site, agent } = await validating(name);
      agent.child.kill('SIGKILL');
      await agent.ended;
      await command(world.operator, `rollback -name ${name}`);
      const next = startAgent(testScope(), world, site, name, [...PATIENT, '-host', name]);
      await next.log.line('rolled back to the last good release');
      expect((await world.operator.exec(`status ${name} -wait ${PATIENCE}`)).status).toBe(0);
      expect(site.calls().map(({ env }) => env.REASON)).toEqual(['deploy', 'deploy', 'rollback']);
      expect(await stopAgent(next)).toBe(0);
    });

    it('gives way to another revision, which has it as the old one', async () => {
      const name = 'overtaken';
      const { site, agent } = await validating(name);
      const second = await configurationHashOf(world.operator, name);
      await changeLayer(world.operator, name, `${name}-code`, 'v3', await release('three', 'good'));
      const third = await configurationHashOf(world.operator, name);
      expect((await world.operator.exec(`status ${name} -wait ${PATIENCE}`)).status).toBe(0);
      expect(
        site
          .calls()
          .map(({ env }) => [env.OLDID, env.NEWID, env.REASON])
          .slice(1),
      ).toEqual([
        [expect.anything(), second, 'deploy'],
        [second, third, 'deploy'],
      ]);
      expect(deployedHash(site)).toBe(third);
      expect(journal(site)).not.toHaveProperty('hold');
      expect(await stopAgent(agent)).toBe(0);
    });

    it('is gone back from when that other revision does not get live', async () => {
      const name = 'abandoned';
      const pre = join(tempDir(testScope()), 'pre');
      writeFileSync(pre, '#!/bin/sh\ntest "$REVISION" != 3\n', { mode: 0o755 });
      const { site, agent } = await validating(name, ['-hook-pre', pre]);
      await changeLayer(world.operator, name, `${name}-code`, 'v3', await release('three', 'good'));
      const { status, stdout } = await world.operator.exec(`status ${name} -wait ${PATIENCE} -settle`);
      expect(status).toBe(1);
      expect(stdout).toMatch(/rolled-back .*the pre hook/);
      expect(site.calls().map(({ env }) => env.REASON)).toEqual(['deploy', 'deploy', 'rollback']);
      expect(journal(site)).toMatchObject({ live: { how: 'proven' }, attempt: { step: 'rolled-back' } });
      expect(await stopAgent(agent)).toBe(0);
    });
  });

  it('without a release to go back to has failed, and stays', async () => {
    await addConfiguration(world.operator, 'nothing', { 'nothing-code': await release('one', 'bad') });
    const site = makeAgentSite(testScope());
    const done = await agentOnce(world, site, 'nothing', CHECKED);
    expect(done.status).toBe(1);
    expect(done.stderr).toContain('failed 3 times in a row: exec test');
    expect(site.calls()).toHaveLength(1);
    expect(deployedHash(site)).toBeUndefined();
    expect(journal(site)).toMatchObject({ attempt: { step: 'failed', activated: true } });
  });

  it('is not gone back from with -rollback=false; the good one is deployed again when it is wanted', async () => {
    const name = 'forward';
    await addConfiguration(world.operator, name, { 'forward-code': await release('one', 'good') });
    const site = makeAgentSite(testScope());
    const flags = [...CHECKED, '-rollback=false'];
    expect((await agentOnce(world, site, name, flags)).status).toBe(0);
    const first = await configurationHashOf(world.operator, name);
    await changeLayer(world.operator, name, 'forward-code', 'v2', await release('two', 'bad'));
    const second = await configurationHashOf(world.operator, name);
    expect((await agentOnce(world, site, name, flags)).status).toBe(1);
    expect(site.calls()).toHaveLength(2);
    expect(current(site)).toBe(join('unpacked', second));
    await command(world.operator, `changeconf -name ${name} -component forward-code -version v1`);
    expect((await agentOnce(world, site, name, flags)).status).toBe(0);
    expect(site.calls()[2]?.env).toMatchObject({ OLDID: second, NEWID: first });
    expect(current(site)).toBe(join('unpacked', first));
  });

  it('is gone back from also when the tree of the last good one is gone: it is made again', async () => {
    const name = 'gone';
    await addConfiguration(world.operator, name, { 'gone-code': await release('one', 'good') });
    const site = makeAgentSite(testScope());
    expect((await agentOnce(world, site, name, CHECKED)).status).toBe(0);
    const old = site.calls()[0]?.env.NEWROOT ?? '';
    const tree = listTree(old);
    site.scriptDoes(`test "$REASON" = rollback || rm -rf "$OLDROOT" "$OLDROOT.ok"`);
    await changeLayer(world.operator, name, 'gone-code', 'v2', await release('two', 'bad'));
    const done = await agentOnce(world, site, name, CHECKED);
    expect(done.stderr).toContain('the last good release is gone, fetching it again');
    expect(done.stderr).toContain('rolled back to the last good release');
    expect(listTree(old)).toEqual(tree);
  });
});

describe('a way back that fails too', () => {
  it('is told as inconsistent, and nothing is tried before another revision', async () => {
    const name = 'lost';
    await addConfiguration(world.operator, name, { 'lost-code': await release('one', 'good') });
    const site = makeAgentSite(testScope());
    const agent = startAgent(testScope(), world, site, name, ['-rollback=true', '-host', 'web6']);
    await agent.log.line('deployed');
    site.scriptDoes('exit 3');
    await changeLayer(world.operator, name, 'lost-code', 'v2', await release('two', 'good'));
    await agent.log.line('failed before, waiting');
    expect(journal(site)).toMatchObject({ attempt: { step: 'inconsistent' } });
    expect(journal(site).hold).not.toHaveProperty('notBefore');
    const { stdout } = await world.operator.exec(`status ${name} -wait ${PATIENCE}`);
    expect(stdout).toMatch(/web6 +inconsistent/);
    expect(site.calls()).toHaveLength(3);
    site.scriptDoes('');
    await command(world.operator, `changeconf -name ${name} -component lost-code -version v1`);
    const before = agent.log.lines.length;
    await agent.log.lineAfter(before, 'deployed');
    expect(site.calls()[3]?.env.NEWID).toBe(site.calls()[0]?.env.NEWID);
    expect((await world.operator.exec(`status ${name} -wait ${PATIENCE}`)).status).toBe(0);
  });
});

describe('hooks', () => {
  const ALL = ['pre', 'prepare', 'validate', 'post', 'success', 'failure', 'rollback'];
  const flagsFor = (site: AgentSite, bodies: Readonly<Record<string, string>> = {}) =>
    ALL.flatMap((hook) => [`-hook-${hook}`, hookIn(site, hook, bodies[hook])]);

  async function deployed(_scope: Scope, name: string, bodies: Readonly<Record<string, string>> = {}) {
    await addConfiguration(world.operator, name, { [`${name}-code`]: await release('one', 'good') });
    const site = makeAgentSite(testScope(), 'echo from the script');
    const flags = flagsFor(site, bodies);
    expect((await agentOnce(world, site, name, flags)).status).toBe(0);
    const first = (await configurationHashOf(world.operator, name)).slice(0, 4);
    await changeLayer(world.operator, name, `${name}-code`, 'v2', await release('two', 'good'));
    return { site, flags, first, second: (await configurationHashOf(world.operator, name)).slice(0, 4) };
  }

  it('run in their order, with the log of the deployment on standard input at the end', async () => {
    const { site, flags, first, second } = await deployed(testScope(), 'hooks');
    expect((await agentOnce(world, site, 'hooks', flags)).status).toBe(0);
    const words = (hook: string) => `${hook} deploy 1 ${first} ${second}`;
    expect(hooksOf(site).slice(-5)).toEqual(['pre', 'prepare', 'validate', 'post', 'success'].map(words));
    expect(readFileSync(join(site.root, 'hook-success.stdin'), 'utf8')).toContain('from the script\n');
  });

  it('before the script stop it without a way back; after it, it is gone back', async () => {
    const { site, flags, first, second } = await deployed(testScope(), 'stopping');
    hookIn(site, 'prepare', 'exit 1');
    expect((await agentOnce(world, site, 'stopping', flags)).status).toBe(1);
    expect(site.calls()).toHaveLength(1);
    expect(hooksOf(site).slice(-3)).toEqual(
      ['pre', 'prepare', 'failure'].map((hook) => `${hook} deploy 1 ${first} ${second}`),
    );
    hookIn(site, 'prepare');
    hookIn(site, 'validate', 'echo not good; exit 1');
    expect((await agentOnce(world, site, 'stopping', flags)).status).toBe(1);
    expect(site.calls().map(({ env }) => env.REASON)).toEqual(['deploy', 'deploy', 'rollback']);
    expect(hooksOf(site).slice(-3)).toEqual([
      `validate deploy 2 ${first} ${second}`,
      `rollback rollback 2 ${second} ${first}`,
      `failure deploy 2 ${first} ${second}`,
    ]);
    expect(readFileSync(join(site.root, 'hook-failure.stdin'), 'utf8')).toContain('not good\n');
  });

  it.each(['pre', 'prepare', 'script'])(
    'the host says not now in %s: no failure, nothing is changed',
    async (hook) => {
      const name = `veto-${hook}`;
      const { site, flags } = await deployed(testScope(), name);
      const before = current(site);
      const veto = 'echo looking; echo "backup is running"; echo; exit 75';
      if (hook === 'script') site.scriptDoes(veto);
      else hookIn(site, hook, veto);
      const done = await agentOnce(world, site, name, ['-host', `web-${hook}`, ...flags]);
      const reason = new RegExp(`script: the ${hook}( hook)? says not now: backup is running`);
      const status = async () => (await world.operator.exec(`status ${name}`)).stdout;
      await until('the registry knows why', async () => reason.test(await status()));
      const logs = await command(world.operator, `logs ${name} web-${hook}`);
      expect(logs).toMatch(
        new RegExp(`: vetoed\\n${reason.source}\\n(.*\\n)*looking\\nbackup is running\\n`),
      );
      expect(done.status).toBe(1);
      expect(done.stderr).toContain('the host vetoed the deployment; it is asked again later');
      expect(journal(site)).toMatchObject({
        attempt: { step: 'pending' },
        hold: { why: 'vetoed', failures: 0 },
      });
      expect(current(site)).toBe(before);
      expect(hooksOf(site).filter((line) => line.startsWith('failure'))).toEqual([]);
      if (hook === 'script') site.scriptDoes('');
      else hookIn(site, hook);
      expect((await agentOnce(world, site, name, flags)).status).toBe(0);
    },
  );
});

describe('releases on the disk', () => {
  it('are pruned to the newest, sparing the one that runs', async () => {
    const name = 'kept';
    await addConfiguration(world.operator, name, { 'kept-code': await release('v1', 'good') });
    const site = makeAgentSite(testScope());
    const hashes: string[] = [];
    for (const version of ['v1', 'v2', 'v3', 'v4']) {
      if (version !== 'v1')
        await changeLayer(world.operator, name, 'kept-code', version, await release(version, 'good'));
      expect((await agentOnce(world, site, name, ['-keep', '2'])).status).toBe(0);
      hashes.push(await configurationHashOf(world.operator, name));
    }
    const there = hashes.map((hash) => existsSync(join(site.dir, 'unpacked', hash)));
    expect(there).toEqual([false, false, true, true]);
  });

  it('do not pile up when each one fails: the last good one, the last that failed and the newest stay', async () => {
    const name = 'failing';
    await addConfiguration(world.operator, name, { 'failing-code': await release('v1', 'good') });
    const site = makeAgentSite(testScope());
    const hashes: string[] = [];
    for (const version of ['v1', 'v2', 'v3', 'v4']) {
      if (version !== 'v1')
        await changeLayer(world.operator, name, 'failing-code', version, await release(version, 'good'));
      expect((await agentOnce(world, site, name, ['-keep', '1'])).status).toBe(version === 'v1' ? 0 : 1);
      hashes.push(await configurationHashOf(world.operator, name));
      site.scriptDoes('exit 3');
    }
    const there = hashes.map((hash) => existsSync(join(site.dir, 'unpacked', hash)));
    expect(there).toEqual([true, false, false, true]);
  });
});
