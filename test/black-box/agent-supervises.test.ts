import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { type AgentSite, agentArgs, deployedHash, makeAgentSite, stopAgent } from '../support/agent-site.js';
import { addConfiguration, changeLayer, configurationHashOf } from '../support/configuration.js';
import { freePort } from '../support/free-port.js';
import { ask, startHttpLoad } from '../support/http-load.js';
import { PATIENCE } from '../support/patience.js';
import { startProgram } from '../support/program.js';
import { fileScope, testScope } from '../support/scope.js';
import { serve, servedRelease } from '../support/served-release.js';
import { packTree } from '../support/tree.js';
import { until } from '../support/until.js';
import { overOneConnection, startWorld, type World } from '../support/world.js';

const SERVER = join(import.meta.dirname, '../../packages/agent/test/process/supervise/http-server.mjs');
const LOAD_MS = 12_000;

const scope = fileScope();
let world: World;

beforeAll(async () => {
  world = await overOneConnection(scope, await startWorld(scope, ['-heartbeat', '1s']));
});

const journal = (site: AgentSite) => JSON.parse(readFileSync(join(site.dir, 'journal.json'), 'utf8'));

describe('why a program failed', () => {
  it('is what it printed, in logs; one that crashes after it was healthy is failed', async () => {
    const program =
      'test ! -e bad || exec sh -c "echo cannot start >&2; exit 7"\nwhile test ! -e ../../crash; do sleep 0.1; done\necho lost >&2; exit 9\n';
    const good = await packTree(scope, world.root, 'good', { 'run.sh': program });
    await addConfiguration(world.operator, 'told', { 'told-code': good });
    const site = makeAgentSite(testScope());
    const flags = ['-poll', '100ms', '-script', '', '-min-healthy', '0s', '-host', 'sup1'];
    const args = [...agentArgs(world, site, 'told', flags), '--', '/bin/sh', 'run.sh'];
    const agent = startProgram(testScope(), 'deploy-agent', args);
    await agent.log.line('deployed');
    const bad = await packTree(scope, world.root, 'bad', { 'run.sh': program, bad: '' });
    await changeLayer(world.operator, 'told', 'told-code', 'v2', bad);
    expect((await world.operator.exec(`status told -wait ${PATIENCE} -settle`)).status).toBe(1);
    await until('the log', async () =>
      /cannot start/.test((await world.operator.exec('logs told sup1')).stdout),
    );

    await world.operator.exec('rollback told');
    expect((await world.operator.exec(`status told -wait ${PATIENCE}`)).status).toBe(0);
    writeFileSync(join(site.dir, 'crash'), '');
    await until('the crash is told', async () =>
      /failed +sup1 +failed .*ended with exit status 9/.test(
        (await world.operator.exec('status told')).stdout,
      ),
    );
    const crashed =
      /^sup1, told: failed, after it was deployed\nunhealthy: the program .*exit status 9.*\n(lost\n)+$/;
    await until('what it printed', async () =>
      crashed.test((await world.operator.exec('logs told sup1')).stdout),
    );
    expect(JSON.parse((await world.operator.exec('logs told sup1 -json')).stdout)).toMatchObject({
      deploy: null,
      result: null,
    });
    expect((await world.operator.exec(`status told -wait ${PATIENCE}`)).status).toBe(1);
    expect(await stopAgent(agent)).toBe(0);
  });
});

describe('a supervised program', () => {
  it(`is switched across two releases under a load of 8 connections for ${LOAD_MS / 1000} s: nothing is lost`, async () => {
    await addConfiguration(world.operator, 'served', {
      'served-code': await servedRelease({ scope, world }, 'v1'),
    });
    const site = makeAgentSite(testScope());
    const { agent, port } = await serve({ scope: testScope(), world, site }, 'served');
    await agent.log.line('deployed');
    const load = startHttpLoad({ port, fresh: 4, kept: 4 });
    const over = delay(LOAD_MS);
    let seen = agent.log.lines.length;
    for (const version of ['v2', 'v3']) {
      await changeLayer(
        world.operator,
        'served',
        'served-code',
        version,
        await servedRelease({ scope, world }, version),
      );
      await agent.log.lineAfter(seen, 'deployed');
      seen = agent.log.lines.length;
    }
    await over;
    const { failures, answers, requests, slowestMs } = await load.stop();
    expect(failures).toEqual([]);
    expect([...answers.keys()].sort()).toEqual(['v1', 'v2', 'v3']);
    expect(requests).toBeGreaterThan(100);
    expect(slowestMs).toBeLessThan(10_000);
    expect(deployedHash(site)).toBe(await configurationHashOf(world.operator, 'served'));
    expect(await stopAgent(agent)).toBe(0);
  });

  it('that answers with errors on the port that is checked never takes over, and refuses nobody', async () => {
    await addConfiguration(world.operator, 'broken', {
      'broken-code': await servedRelease({ scope, world }, 'v1'),
    });
    const first = await configurationHashOf(world.operator, 'broken');
    const site = makeAgentSite(testScope());
    const health = `http://127.0.0.1:${await freePort()}/`;
    const flags = ['-port', new URL(health).host, '-health-http', health, '-health-interval', '100ms'];
    const { agent } = await serve({ scope: testScope(), world, site }, 'broken', flags);
    await agent.log.line('deployed');
    const load = startHttpLoad({ port: Number(new URL(health).port), fresh: 4, kept: 4 });
    await changeLayer(
      world.operator,
      'broken',
      'broken-code',
      'v2',
      await servedRelease({ scope, world }, 'v2', 'broken'),
    );
    await agent.log.line('rolled back to the last good release');
    const { failures, answers } = await load.stop();
    expect(failures.filter((failure) => failure !== 'Error: HTTP 500')).toEqual([]);
    expect([...answers.keys()]).toEqual(['v1']);
    expect(agent.log.lines.filter(({ msg }) => msg === 'the program: in-charge')).toHaveLength(1);
    expect(journal(site)).toMatchObject({ running: { hash: first }, attempt: { step: 'rolled-back' } });
    expect(journal(site).attempt.error.message).toMatch(/^failed 3 times in a row: http .*: HTTP 500/);
    expect(await ask(Number(new URL(health).port))).toContain('v1');
    expect(await stopAgent(agent)).toBe(0);
  });

  it('that dies is gone back from, and the one before serves on; a restart by SIGHUP and by SIGUSR1; stopped by SIGTERM', async () => {
    await addConfiguration(world.operator, 'dying', {
      'dying-code': await servedRelease({ scope, world }, 'v1'),
    });
    const first = await configurationHashOf(world.operator, 'dying');
    const site = makeAgentSite(testScope());
    // Time enough for the death of v2 to come before the end of its proof, however slowly it starts.
    const { agent, port } = await serve({ scope: testScope(), world, site }, 'dying', ['-min-healthy', '2s']);
    await agent.log.line('deployed');
    await changeLayer(
      world.operator,
      'dying',
      'dying-code',
      'v2',
      await servedRelease({ scope, world }, 'v2', 'dying'),
    );
    await agent.log.line('rolled back to the last good release');
    expect(journal(site)).toMatchObject({
      running: { hash: first },
      attempt: { step: 'rolled-back', error: { kind: 'unhealthy' } },
    });
    for (const signal of ['SIGHUP', 'SIGUSR1'] as const) {
      const [version, pid] = (await ask(port)).split(' ');
      const from = agent.log.lines.length;
      agent.child.kill(signal);
      await agent.log.lineAfter(from, 'the program: in-charge');
      await agent.log.lineAfter(from, 'the program: ended');
      const [again, other] = (await ask(port)).split(' ');
      expect([version, again]).toEqual(['v1', 'v1']);
      expect(other).not.toBe(pid);
    }
    expect(agent.log.plain).toEqual([]);
    expect(await stopAgent(agent)).toBe(0);
    await expect(ask(port)).rejects.toThrow();
  });

  it('is started again by the agent after one that was killed, also when the registry is away', async () => {
    const own = await startWorld(testScope());
    const code = await packTree(testScope(), own.root, 'code', {
      'server.mjs': readFileSync(SERVER, 'utf8'),
    });
    await addConfiguration(own.operator, 'away', { code });
    const site = makeAgentSite(testScope());
    const killed = await serve({ scope: testScope(), world: own, site }, 'away');
    await killed.agent.log.line('deployed');
    killed.agent.child.kill('SIGKILL');
    await killed.agent.ended;
    await own.registry.kill9();
    const { agent, port } = await serve({ scope: testScope(), world: own, site }, 'away');
    expect(agent.log.text()).toContain('ending the program that an earlier agent left running');
    await until('it answers', () => ask(port).then(Boolean, () => false));
    expect(await stopAgent(agent)).toBe(0);
  });
});
