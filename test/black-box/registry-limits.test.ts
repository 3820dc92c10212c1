import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { RegistryProcess } from '../support/registry-process.js';
import { run } from '../support/run.js';
import { type Scope, testScope } from '../support/scope.js';
import { tcpPeer } from '../support/tcp-peer.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { Terminal } from '../support/terminal.js';
import { until } from '../support/until.js';
import { startWorld, type World } from '../support/world.js';

/** A console that stays: one connection, authenticated. */
async function holdConsole(scope: Scope, world: World): Promise<Terminal> {
  const terminal = new Terminal(scope, 'ssh', world.operator.sshArgs());
  await terminal.line('> ');
  return terminal;
}

async function refusedAt(registry: RegistryProcess, flag: string): Promise<void> {
  const line = await registry.log.line('connection refused: limit reached');
  expect(line).toMatchObject({ address: '127.0.0.1', limit: expect.stringContaining(`(${flag})`) });
}

describe('limits of connections', () => {
  it.each([['-max-conns'], ['-max-conns-per-addr']])(
    '%s: the next is refused, a place that is free is taken',
    async (flag) => {
      const scope = testScope();
      const world = await startWorld(scope, [flag, '2']);
      const first = await holdConsole(scope, world);
      await holdConsole(scope, world);
      const third = await world.operator.exec('components');
      expect(third.status).toBe(255);
      await refusedAt(world.registry, flag);
      first.press('\x04');
      await first.ended;
      const again = await world.operator.exec('components');
      expect(again.status, again.stderr).toBe(0);
    },
  );

  it('-max-channels: the next channel is refused, the connection stays', async () => {
    const scope = testScope();
    const world = await startWorld(scope, ['-max-channels', '2']);
    const control = [
      '-o',
      'ControlMaster=auto',
      '-o',
      `ControlPath=${join(world.root, 'mux')}`,
      '-o',
      'ControlPersist=60',
    ];
    scope.defer(async () => void (await run('ssh', ['-O', 'exit', ...control, ...world.operator.sshArgs()])));
    const open = async () => {
      const terminal = new Terminal(scope, 'ssh', [...control, ...world.operator.sshArgs()]);
      await terminal.line('> ');
      return terminal;
    };
    const first = await open();
    const second = await open();
    // Refused a channel, ssh would open a connection of its own: not here.
    const alone = ['-o', 'ProxyCommand=false'];
    const third = await run('ssh', [...alone, ...control, ...world.operator.sshArgs('components')]);
    expect(third.status).toBe(255);
    await world.registry.log.line('channel refused: limit reached (-max-channels)');
    await first.run('help');
    second.press('\x04');
    expect(await second.ended).toBe(0);
    const fourth = await run('ssh', [...control, ...world.operator.sshArgs('components')]);
    expect(fourth.status, fourth.stderr).toBe(0);
    expect(world.registry.log.lines.filter(({ msg }) => msg === 'authenticated')).toHaveLength(1);
  });
});

describe('limits of time', () => {
  it.each([
    ['says nothing', ''],
    ['says half a greeting', 'SSH-2.0-'],
    ['greets and then says nothing', 'SSH-2.0-test\r\n'],
    ['says something else', 'GET / HTTP/1.1\r\n\r\n'],
  ])('-handshake: a peer that %s is sent away', async (_, greeting) => {
    const scope = testScope();
    const { registry } = await startWorld(scope, ['-handshake', '700ms']);
    const peer = await tcpPeer(scope, registry);
    peer.socket.write(greeting);
    const ms = await peer.closed;
    expect(ms).toBeLessThan(30_000);
    expect(peer.received()).toMatch(/^SSH-2\.0-deploy-registry/);
    expect(registry.log.plain).toEqual([]);
  });

  it('-deadline ends a connection that is alive, and says so', async () => {
    const scope = testScope();
    const world = await startWorld(scope, ['-deadline', '2s']);
    const terminal = await holdConsole(scope, world);
    expect(await terminal.ended).toBe(255);
    const line = await world.registry.log.line('connection ended');
    expect(line).toMatchObject({
      reason: 'it reached the longest life of a connection (-deadline)',
      who: 'operator@test',
    });
    const answer = await world.operator.exec('components');
    expect(answer.status).toBe(0);
  });

  it('-keepalive ends a connection whose peer is gone without a word', async () => {
    const scope = testScope();
    const world = await startWorld(scope, ['-keepalive', '200ms', '-max-conns', '1']);
    const proxy = await startTcpProxy(scope, world.registry);
    const args = world.operator
      .sshArgs()
      .map((arg) => (arg === String(world.registry.port) ? String(proxy.port) : arg));
    const terminal = new Terminal(scope, 'ssh', args);
    await terminal.line('> ');
    proxy.stall();
    const line = await world.registry.log.line('connection broke');
    expect(line.err).toMatch(/keepalive/i);
    await until('its place is free', async () => (await world.operator.exec('components')).status === 0);
  });

  it('a peer that sends garbage does no harm', async () => {
    const scope = testScope();
    const world = await startWorld(scope);
    const garbage = [
      '\x00'.repeat(100_000),
      `SSH-2.0-x\r\n${'\xff'.repeat(100_000)}`,
      `SSH-1.5-old\r\n`,
      `${'x'.repeat(100_000)}\r\n`,
      'SSH-2.0-x\r\n\x00\x00\x00\x0c\x0a\x14',
    ];
    for (const bytes of garbage) {
      const peer = await tcpPeer(scope, world.registry);
      peer.socket.end(Buffer.from(bytes, 'latin1'));
      await peer.closed;
    }
    const answer = await world.operator.exec('components');
    expect(answer.status, answer.stderr).toBe(0);
    expect(world.registry.log.plain).toEqual([]);
  });
});
