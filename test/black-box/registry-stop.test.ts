import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Archive, addVersion, makeTar, upload } from '../support/archive.js';
import { type OpenSsh, openSsh } from '../support/open-ssh.js';
import { type Scope, testScope } from '../support/scope.js';
import { tcpPeer } from '../support/tcp-peer.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { Terminal } from '../support/terminal.js';
import { startWorld, type World } from '../support/world.js';

const MIB = 1024 * 1024;

interface SlowWorld extends World {
  readonly proxy: TcpProxy;
  readonly slowOperator: OpenSsh;
  readonly slowAgent: OpenSsh;
  readonly archive: Archive;
}

/** A registry behind a slow connection, and something large to move. */
async function slowWorld(scope: Scope, flags: readonly string[] = []): Promise<SlowWorld> {
  const world = await startWorld(scope, flags);
  const proxy = await startTcpProxy(scope, world.registry);
  const { operator, agent, root } = world.registry.site;
  proxy.delay(5);
  return {
    ...world,
    proxy,
    slowOperator: openSsh(proxy, { dir: root, user: 'ops', key: operator }),
    slowAgent: openSsh(proxy, { dir: root, user: 'deploy-agent', key: agent }),
    archive: makeTar(join(root, 'blob'), randomBytes(8 * MIB)),
  };
}

function uploads(world: World): string[] {
  return readdirSync(join(world.registry.site.dir, 'uploads'));
}

describe.each(['SIGTERM', 'SIGINT', 'SIGQUIT'] as const)('%s', (signal) => {
  it('lets a running upload finish, refuses new connections, ends with 0', async () => {
    const world = await slowWorld(testScope());
    const put = world.slowOperator.sftp(`put ${world.archive.path}\n`);
    await world.proxy.sentAtLeast(2 * MIB);
    world.registry.kill('SIGUSR1');
    world.registry.kill(signal);
    await world.registry.log.line('stopping');
    const late = await world.operator.exec('components');
    expect(late.status).toBe(255);
    expect(late.stderr).toMatch(/Connection refused/);
    const done = await put;
    expect(done.status, done.stderr).toBe(0);
    expect(await world.registry.ended).toBe(0);
    expect(uploads(world)).toEqual([world.archive.hash]);
    await world.registry.log.line('stopped');
    expect(world.registry.log.plain).toEqual([]); // Node.js says there that SIGUSR1 opened its debugger
  });
});

describe('stopping', () => {
  it('lets a running download finish', async () => {
    const world = await slowWorld(testScope());
    await addVersion(world.operator, world.archive, 'code', 'v1');
    const local = join(world.root, 'got');
    const get = world.slowAgent.sftp(`get files/${world.archive.hash} ${local}\n`);
    await world.proxy.receivedAtLeast(2 * MIB);
    world.registry.kill('SIGTERM');
    expect(await world.registry.ended).toBe(0);
    await get;
    expect(readFileSync(local).equals(readFileSync(world.archive.path))).toBe(true);
  });

  it('does not wait for consoles, idle agents and peers that have not said hello', async () => {
    const scope = testScope();
    const world = await startWorld(scope);
    const console = new Terminal(scope, 'ssh', world.operator.sshArgs());
    await console.line('> ');
    const agent = new Terminal(scope, 'sftp', [
      ...world.agent.options,
      '-P',
      String(world.registry.port),
      world.agent.destination,
    ]);
    await agent.line('sftp> ');
    const silent = await tcpPeer(scope, world.registry);
    const greeted = await tcpPeer(scope, world.registry);
    greeted.socket.write('SSH-2.0-x\r\n');
    const started = performance.now();
    expect(await world.registry.stop()).toBe(0);
    expect(performance.now() - started).toBeLessThan(20_000);
    await Promise.all([console.ended, silent.closed, greeted.closed]);
  });

  it('waits no longer than -grace', async () => {
    const world = await slowWorld(testScope(), ['-grace', '500ms']);
    const put = world.slowOperator.sftp(`put ${world.archive.path}\n`);
    await world.proxy.sentAtLeast(MIB);
    world.proxy.stall();
    const started = performance.now();
    expect(await world.registry.stop()).toBe(0);
    expect(performance.now() - started).toBeLessThan(20_000);
    await world.registry.log.line('grace period is over, ending the running work');
    world.proxy.cut();
    expect((await put).status).not.toBe(0);
    expect(uploads(world)).toEqual([]);
  });

  it('a second signal ends it at once', async () => {
    const world = await slowWorld(testScope());
    const put = world.slowOperator.sftp(`put ${world.archive.path}\n`);
    await world.proxy.sentAtLeast(MIB);
    world.proxy.stall();
    world.registry.kill('SIGTERM');
    await world.registry.log.line('stopping');
    world.registry.kill('SIGTERM');
    expect(await world.registry.ended).toBe(1);
    world.proxy.cut();
    expect((await put).status).not.toBe(0);
    const next = await world.registry.restart();
    await next.log.line('removed unfinished uploads');
    expect(uploads(world)).toEqual([]);
  });
});

describe('kill -9', () => {
  it('in the middle of an upload: the next start is clean', async () => {
    const world = await slowWorld(testScope());
    const kept = makeTar(join(world.root, 'kept'), randomBytes(1000));
    await upload(world.operator, kept);
    const put = world.slowOperator.sftp(`put ${world.archive.path}\n`);
    await world.proxy.sentAtLeast(2 * MIB);
    expect(uploads(world).some((name) => name.endsWith('.part'))).toBe(true);
    await world.registry.kill9();
    expect((await put).status).not.toBe(0);
    const next = await world.registry.restart();
    expect(next.fingerprint).toBe(world.registry.fingerprint);
    expect(await next.log.line('removed unfinished uploads')).toMatchObject({ leftovers: 1 });
    expect(uploads(world)).toEqual([kept.hash]);
    await upload(world.operator, world.archive);
    expect((await world.operator.exec(`addver code:v1 ${world.archive.hash}`)).status).toBe(0);
  });

  it('in the middle of a burst of commands: what was acknowledged is there, and nothing by halves', async () => {
    const world = await startWorld(testScope());
    const archive = makeTar(join(world.root, 'a'), randomBytes(1000));
    await addVersion(world.operator, archive, 'base', '1');
    const acknowledged: string[] = [];
    let sent = 0;
    const worker = async (name: string) => {
      for (let number = 1; ; number += 1) {
        const version = `${name}-${number}`;
        sent += 1;
        const added = await world.operator.exec(`addver base:${version} ${archive.hash}`);
        if (added.status !== 0) return;
        acknowledged.push(version);
        const changed = await world.operator.exec(`addconf conf-${name} base:${version}`);
        if (changed.status !== 0) return;
        acknowledged.push(`conf-${name}=${version}`);
        if (acknowledged.length > 40) await world.registry.kill9();
      }
    };
    await Promise.all(['a', 'b', 'c', 'd'].map(worker));
    expect(sent).toBeGreaterThan(20);
    await world.registry.restart(['-maxver', '0']);
    const versions = JSON.parse((await world.operator.exec('showcomp base -json')).stdout) as {
      version: string;
    }[];
    const there = new Set(versions.map(({ version }) => version));
    const last = new Map<string, string>();
    for (const entry of acknowledged) {
      const [name = '', version] = entry.split('=');
      if (version === undefined) expect(there).toContain(name);
      else last.set(name, version);
    }
    for (const [name, version] of last) {
      const shown = JSON.parse((await world.operator.exec(`showconf ${name} -json`)).stdout);
      const [layer] = shown.layers;
      expect(there).toContain(layer.version);
      expect(Number(layer.version.split('-')[1])).toBeGreaterThanOrEqual(Number(version.split('-')[1]));
    }
    expect(existsSync(join(world.registry.site.dir, 'files', archive.hash))).toBe(true);
    const audited = JSON.parse((await world.operator.exec('audit -limit 1000 -json')).stdout) as unknown[];
    expect(audited.length).toBeGreaterThanOrEqual(acknowledged.length);
  });
});
