import { randomBytes } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { agentOnce, makeAgentSite, startAgent, stopAgent } from '../support/agent-site.js';
import type { Archive } from '../support/archive.js';
import { addConfiguration, changeLayer } from '../support/configuration.js';
import { freePort } from '../support/free-port.js';
import { makeSite, startRegistry } from '../support/registry-process.js';
import { fileScope, testScope } from '../support/scope.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { gnuTarTree, listTree, packTree } from '../support/tree.js';
import { until } from '../support/until.js';
import { overOneConnection, startWorld, WITHOUT_MANIFESTS, type World } from '../support/world.js';

const scope = fileScope();
let world: World;
let small: Archive;

beforeAll(async () => {
  world = await overOneConnection(scope, await startWorld(scope));
  small = await packTree(scope, world.root, 'small', { 'a.txt': 'a' });
});

describe('a connection that is cut', () => {
  it('costs nothing that was downloaded: the rest is fetched, the whole verified', async () => {
    const own = await startWorld(testScope(), WITHOUT_MANIFESTS);
    const big = await packTree(testScope(), own.root, 'big', {
      'big.bin': randomBytes(3_000_000).toString('latin1'),
    });
    await addConfiguration(own.operator, 'cut', { 'cut-code': big });
    const proxy = await startTcpProxy(testScope(), own.registry);
    proxy.delay(5);
    const site = makeAgentSite(testScope());
    const part = join(site.dir, 'cache', `${big.hash}.part`);
    const agent = startAgent(testScope(), own, site, 'cut', ['-addr', `${proxy.host}:${proxy.port}`]);
    for (const bytes of [1_000_000, 2_000_000]) {
      await proxy.receivedAtLeast(proxy.received() + 1_200_000);
      proxy.freeze(); // so that no more comes than this, however late the disk is looked at
      await until('so much is on the disk', () => existsSync(part) && statSync(part).size >= bytes);
      proxy.cut();
    }
    await agent.log.line('deployed');
    const resumed = agent.log.lines.filter((line) => line.msg === 'download resumed');
    const done = await agent.log.line('downloaded');
    expect(resumed).toHaveLength(2);
    const [first = 0, second = 0] = resumed.map((line) => Number(line.from));
    expect(first).toBeGreaterThanOrEqual(1_000_000);
    expect(second).toBeGreaterThanOrEqual(2_000_000);
    expect(done.bytes).toBe(big.size - second);
    expect(agent.log.lines.filter((line) => line.msg === 'deployment failed, it is retried later')).toEqual(
      [],
    );
    expect(listTree(site.calls()[0]?.env.NEWROOT ?? '')).toEqual(await gnuTarTree(testScope(), [big]));
  });
});

describe('a connection between polls', () => {
  it('is one for all of them, and polls come with jitter around the interval', async () => {
    await addConfiguration(world.operator, 'polls', { 'polls-code': small });
    const site = makeAgentSite(testScope());
    const before = world.registry.log.lines.length;
    const agent = startAgent(testScope(), world, site, 'polls', ['-poll', '150ms', '-watch=false']);
    await agent.log.line('deployed');
    const polls = () => agent.log.lines.filter(({ msg }) => msg === 'nothing new');
    while (polls().length < 9) await agent.log.lineAfter(agent.log.lines.length, 'nothing new');
    expect(await stopAgent(agent)).toBe(0);
    const mine = world.registry.log.lines.slice(before).filter((line) => line.role === 'agent');
    expect(mine.filter((line) => line.msg === 'authenticated')).toHaveLength(1);
    const times = polls().map(({ time }) => Date.parse(String(time)));
    const pauses = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    // By the agent's own clock. On a loaded machine any of them may be late, but none comes early, and not all are late.
    expect(Math.min(...pauses)).toBeGreaterThan(120);
    expect(Math.min(...pauses)).toBeLessThan(3000);
    expect(new Set(pauses).size).toBeGreaterThan(1);
  });

  it('is made again when the registry was restarted', async () => {
    const own = await startWorld(testScope());
    await addConfiguration(own.operator, 'restart', { code: small });
    const site = makeAgentSite(testScope());
    const agent = startAgent(testScope(), own, site, 'restart');
    await agent.log.line('deployed');
    await agent.log.line('nothing new');
    await own.registry.kill9();
    await agent.log.line((line) => line.kind === 'connect');
    const again = await own.registry.restart();
    const at = agent.log.lines.length;
    await agent.log.lineAfter(at, 'nothing new');
    const other = await packTree(testScope(), own.root, 'other', { 'b.txt': 'b' });
    await changeLayer(own.operator, 'restart', 'code', 'v2', other);
    await agent.log.lineAfter(at, 'deployed');
    expect(site.calls()).toHaveLength(2);
    expect(await stopAgent(agent)).toBe(0);
    expect(await again.stop()).toBe(0);
  });
});

describe('a registry that is not there', () => {
  it('is tried again until it is; the agent stops at once when told to', async () => {
    const port = await freePort();
    const site = await makeSite(testScope());
    const host = makeAgentSite(testScope());
    const down = { ...world, registry: { ...world.registry, port, site } };
    const agent = startAgent(testScope(), down, host, 'x');
    const refused = await agent.log.line((line) => line.kind === 'connect');
    expect(refused.msg).toContain(`cannot connect to 127.0.0.1:${port}: connection refused`);
    await agent.log.lineAfter(agent.log.lines.length, (line) => line.kind === 'connect');
    const started = performance.now();
    expect(await stopAgent(agent)).toBe(0);
    expect(performance.now() - started).toBeLessThan(10_000);
    expect((await agentOnce(down, host, 'x')).status).toBe(4);
    await startRegistry(testScope(), site, ['-addr', `127.0.0.1:${port}`]);
    const fp = await agentOnce(down, host, 'x');
    expect(fp.stderr).toContain('has the host key'); // the right address, another registry
  });

  it('does not hold up the end when it has fallen silent', async () => {
    const own = await startWorld(testScope());
    await addConfiguration(own.operator, 'silent', { code: small });
    const agent = startAgent(testScope(), own, makeAgentSite(testScope()), 'silent');
    await agent.log.line('nothing new');
    own.registry.kill('SIGSTOP');
    const polls = agent.log.lines.length;
    await agent.log.lineAfter(polls, 'nothing new', 400).catch(() => undefined); // it has asked, and waits
    const started = performance.now();
    expect(await stopAgent(agent)).toBe(0);
    expect(performance.now() - started).toBeLessThan(15_000);
  });
});
