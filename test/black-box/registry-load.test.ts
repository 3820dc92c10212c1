import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { PacketWriter } from '@deploy-tools/shared/sftp/packet-writer.js';
import { OPEN_FLAG, PACKET } from '@deploy-tools/shared/sftp/protocol.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Archive, addVersion, makeTar, upload } from '../support/archive.js';
import { peakMemory, residentMemory } from '../support/process-memory.js';
import { RawSftp } from '../support/raw-sftp.js';
import { run } from '../support/run.js';
import { fileScope, testScope } from '../support/scope.js';
import { ssh2Client } from '../support/ssh2-client.js';
import { until } from '../support/until.js';
import { startWorld, type World } from '../support/world.js';

const MIB = 1024 * 1024;

/** Lets at most `width` of the tasks run at once. */
async function inParallel<T>(width: number, tasks: readonly (() => Promise<T>)[]): Promise<T[]> {
  const results: T[] = [];
  const queue = [...tasks.entries()];
  const worker = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift())
      results[next[0]] = await next[1]();
  };
  await Promise.all(Array.from({ length: width }, worker));
  return results;
}

describe('many at once', () => {
  it('20 uploads and 200 commands: all succeed, the audit log has every one', async () => {
    const scope = testScope();
    const world = await startWorld(scope, ['-max-channels', '300']);
    const control = [
      '-o',
      'ControlMaster=auto',
      '-o',
      `ControlPath=${join(world.root, 'mux')}`,
      '-o',
      'ControlPersist=60',
    ];
    scope.defer(async () => void (await run('ssh', ['-O', 'exit', ...control, ...world.operator.sshArgs()])));
    await run('ssh', [...control, ...world.operator.sshArgs('components')]);

    const archives = Array.from({ length: 20 }, (_, index) =>
      makeTar(join(world.root, `blob${index}`), randomBytes(256 * 1024 + index)),
    );
    const shared = archives[0] as Archive;
    await addVersion(world.operator, shared, 'base', 'v0');
    await world.operator.exec(`addver more:v0 ${shared.hash}`);
    const uploads = archives.map((archive) => () => upload(world.operator, archive));
    const commands = Array.from({ length: 200 }, (_, index) => async () => {
      const line =
        index % 2 === 0
          ? `addver base:v${index + 1} ${shared.hash}`
          : `addconf conf${index % 7} ${index % 4 === 1 ? 'base:v0' : 'more:v0 base:v0'}`;
      const answer = await run('ssh', [...control, ...world.operator.sshArgs('--', line)]);
      expect(answer.status, answer.stderr).toBe(0);
    });
    await Promise.all([inParallel(20, uploads), inParallel(16, commands)]);

    const listed = await world.operator.sftp('ls -1\n');
    expect(listed.stdout.match(/[0-9a-f]{64}/g)?.length).toBe(19); // what addver named is no upload any more
    expect(JSON.parse((await world.operator.exec('showcomp base -json')).stdout)).toHaveLength(101);
    const records: { command: string; result: string; args: string[]; address: string }[] = JSON.parse(
      (await world.operator.exec('audit -limit 1000 -json')).stdout,
    );
    expect(records.filter(({ result }) => result !== 'ok')).toEqual([]);
    const count = (name: string) => records.filter(({ command }) => command === name).length;
    expect([count('upload'), count('addver'), count('addconf')]).toEqual([21, 102, 100]);
    const { revision } = JSON.parse((await world.operator.exec('showconf conf1 -json')).stdout);
    const history = JSON.parse((await world.operator.exec('history conf1 -json')).stdout);
    expect(history.map((each: { revision: number }) => each.revision)).toEqual(
      Array.from({ length: revision }, (_, index) => index + 1),
    );
    expect(world.registry.log.plain).toEqual([]);
  });

  it('16 SFTP sessions in one connection leave no warning', async () => {
    const scope = testScope();
    const world = await startWorld(scope);
    const archive = makeTar(join(world.root, 'a'), randomBytes(8 * MIB));
    await addVersion(world.operator, archive, 'a', '1');
    const client = await ssh2Client(scope, world.registry, 'deploy-agent', world.registry.site.agent);
    const sessions = await Promise.all(
      Array.from({ length: 16 }, async () => RawSftp.over(await client.openSftp(0))),
    );
    await Promise.all(
      sessions.map(async (session) => {
        const handle = await session.open(`files/${archive.hash}`, OPEN_FLAG.READ);
        if (typeof handle === 'number') throw new Error(`OPEN: ${handle}`);
        const offsets = Array.from({ length: 40 }, (_, index) => index * 200_000);
        const replies = await Promise.all(offsets.map((at) => session.read(handle, at, 200_000)));
        for (const reply of replies) expect(reply.type).toBe(PACKET.DATA);
        session.end();
        await session.ended;
      }),
    );
    expect(await world.registry.stop()).toBe(0);
    expect(world.registry.log.plain).toEqual([]);
  });
});

describe('memory', () => {
  const scope = fileScope();
  let world: World;
  let archive: Archive;

  beforeAll(async () => {
    world = await startWorld(scope);
    archive = makeTar(join(world.root, 'large'), randomBytes(64 * MIB));
    await addVersion(world.operator, archive, 'large', '1');
  });

  /** READ requests as one block of bytes; `padding` follows each, inside of its packet. */
  function manyReads(handle: Buffer, count: number, padding: number): Buffer {
    const packets = Array.from({ length: count }, (_, index) => {
      const packet = new PacketWriter(PACKET.READ).uint32(1000 + index).string(handle);
      packet.uint64((index % 200) * 256 * 1024).uint32(255 * 1024);
      for (let at = 0; at < padding; at += 4) packet.uint32(0);
      return Buffer.from(packet.finish());
    });
    return Buffer.concat(packets);
  }

  it.each([
    ['reads nothing of what it asked for', 0],
    ['pads its requests', 8],
  ])('a client with a huge window that %s does not make the registry grow', async (_, padding) => {
    const own = testScope();
    const before = peakMemory(world.registry.pid);
    const client = await ssh2Client(own, world.registry, 'deploy-agent', world.registry.site.agent);
    for (let session = 0; session < 4; session += 1) {
      const channel = await client.openSftp(2 ** 31);
      channel.on('error', () => {});
      const sftp = await RawSftp.over(channel);
      const handle = await sftp.open(`files/${archive.hash}`, OPEN_FLAG.READ);
      if (typeof handle === 'number') throw new Error(`OPEN: ${handle}`);
      sftp.send(manyReads(handle, 4000, padding));
    }
    client.socket.pause();
    await until('all requests are taken or held back', async () => {
      const written = client.socket.bytesWritten;
      await new Promise((resolve) => setTimeout(resolve, 300));
      return client.socket.bytesWritten === written;
    });
    // Others are served meanwhile.
    expect((await world.operator.exec('components')).status).toBe(0);
    expect((peakMemory(world.registry.pid) - before) / MIB).toBeLessThan(80);
    expect(peakMemory(world.registry.pid) / MIB).toBeLessThan(250);
  });

  it('many that read slowly hold little each, and keep nobody waiting', async () => {
    const own = testScope();
    const before = residentMemory(world.registry.pid);
    for (let agent = 0; agent < 4; agent += 1) {
      const client = await ssh2Client(own, world.registry, 'deploy-agent', world.registry.site.agent);
      for (let session = 0; session < 10; session += 1) {
        const channel = await client.openSftp(2 ** 31);
        channel.on('error', () => {});
        const sftp = await RawSftp.over(channel);
        const handle = await sftp.open(`files/${archive.hash}`, OPEN_FLAG.READ);
        if (typeof handle === 'number') throw new Error(`OPEN: ${handle}`);
        sftp.send(manyReads(handle, 200, 0));
        channel.pause();
      }
      client.socket.pause();
    }
    expect((await world.agent.sftp('ls files\n')).status).toBe(0);
    expect((residentMemory(world.registry.pid) - before) / MIB).toBeLessThan(80);
  });

  it('uploads, their indexing and downloads of 64 MB hold it under 200 MB', async () => {
    const fresh = await startWorld(testScope());
    await addVersion(fresh.operator, archive, 'large', '1');
    expect((await fresh.agent.sftp(`get files/${archive.hash} /dev/null\n`)).status).toBe(0);
    expect(peakMemory(fresh.registry.pid) / MIB).toBeLessThan(200);
  });

  it('a console that never reads its answers does not make the registry grow', async () => {
    const fresh = await startWorld(testScope());
    const filler = Array.from({ length: 600 }, (_, index) => `nosuch${index} ${'x'.repeat(400)}\n`).join('');
    expect((await fresh.operator.lines(filler)).status).toBe(1);
    const before = peakMemory(fresh.registry.pid);
    const own = testScope();
    const client = await ssh2Client(own, fresh.registry, 'ops', fresh.registry.site.operator);
    const channel = await client.openShell();
    channel.write('audit -limit 600 -json\n'.repeat(2000));
    channel.pause();
    client.socket.pause();
    await fresh.registry.log.line(({ command }) => String(command).startsWith('audit'));
    let lines = -1;
    await until('no more commands are run', async () => {
      const seen = fresh.registry.log.lines.length;
      const quiet = seen === lines;
      lines = seen;
      await new Promise((resolve) => setTimeout(resolve, 500));
      return quiet;
    });
    expect((peakMemory(fresh.registry.pid) - before) / MIB).toBeLessThan(80);
  });
});

it('a line typed for ever at a console is bounded, keeps nobody waiting, and is not run', async () => {
  const scope = testScope();
  const world = await startWorld(scope);
  const before = peakMemory(world.registry.pid);
  const client = await ssh2Client(scope, world.registry, 'ops', world.registry.site.operator);
  const channel = await client.openShell(true);
  let shown = '';
  channel.on('data', (chunk: Buffer) => {
    shown += chunk.toString();
  });
  for (let block = 0; block < 20; block += 1) {
    if (!channel.write('x'.repeat(10_000))) await once(channel, 'drain');
  }
  expect((await world.operator.exec('components')).status).toBe(0);
  channel.write('\r');
  await until('the refusal', () => shown.includes('the line was not run: it is longer than 4096 characters'));
  shown = '';
  channel.write('nosuch\r');
  await until('the next answer', () => shown.includes('Unknown command'));
  const audited = JSON.parse((await world.operator.exec('audit -json')).stdout);
  expect(audited.map(({ command }: { command: string }) => command)).toEqual(['components', 'nosuch']);
  expect((peakMemory(world.registry.pid) - before) / MIB).toBeLessThan(60);
});
