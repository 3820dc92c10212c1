import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { AgentTree } from '@deploy-tools/registry/sftp/agent-tree.js';
import { OperatorTree } from '@deploy-tools/registry/sftp/operator-tree.js';
import { STATUS } from '@deploy-tools/shared/sftp/protocol.js';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { secondSftp } from '../../../shared/test/sftp/second-decoder.js';
import { hashOf } from '../contract/meta-samples.js';
import {
  AGENT,
  addText,
  OPERATOR,
  openLastingRegistry,
  type TestRegistry,
} from '../support/open-registry.js';
import { startSftpServer, type TestSftpServer } from '../support/sftp-server.js';

let registry: TestRegistry;
let operators: TestSftpServer;
let agents: TestSftpServer;

beforeAll(async () => {
  registry = await openLastingRegistry();
  operators = await startSftpServer(
    (transfers) =>
      new OperatorTree(registry, { principal: OPERATOR, log: registry.log, transfers: transfers }),
    registry.log,
  );
  agents = await startSftpServer(
    (transfers) => new AgentTree(registry, { access: AGENT.access, log: registry.log, transfers }),
    registry.log,
  );
});

afterAll(async () => {
  await operators.close();
  await agents.close();
  await registry.close();
});

/** A session of ssh2-streams as client, with promises instead of callbacks. */
async function connect(server: TestSftpServer) {
  const channel = await server.open();
  const sftp = secondSftp('client');
  channel.pipe(sftp).pipe(channel);
  await once(sftp, 'ready');
  return {
    end: () => channel.end(),
    open: promisify(sftp.open.bind(sftp)),
    close: promisify(sftp.close.bind(sftp)),
    write: (handle: Buffer, data: Buffer, at: number) =>
      promisify(sftp.writeData.bind(sftp))(handle, data, 0, data.length, at),
    read: (handle: Buffer, target: Buffer, at: number) =>
      promisify(sftp.readData.bind(sftp))(handle, target, 0, target.length, at),
    fstat: promisify(sftp.fstat.bind(sftp)),
    stat: promisify(sftp.stat.bind(sftp)),
    lstat: promisify(sftp.lstat.bind(sftp)),
    readdir: promisify(sftp.readdir.bind(sftp)) as (path: string) => Promise<readonly { filename: string }[]>,
    realpath: promisify(sftp.realpath.bind(sftp)),
    rename: promisify(sftp.rename.bind(sftp)),
    setstat: promisify(sftp.setstat.bind(sftp)),
    fsetstat: promisify(sftp.fsetstat.bind(sftp)),
    mkdir: promisify(sftp.mkdir.bind(sftp)),
    unlink: promisify(sftp.unlink.bind(sftp)),
  };
}

type Client = Awaited<ReturnType<typeof connect>>;

const SLOT = 3000;

/** What an operator's client may do with one of its files. */
type Step =
  | { readonly do: 'write'; readonly slot: number; readonly length: number }
  | { readonly do: 'fstat' | 'stat' | 'list' | 'setstat' | 'fsetstat' | 'rename' | 'refused' };

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('write' as const),
      slot: fc.nat(30),
      length: fc.integer({ min: 1, max: SLOT }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('fstat', 'stat', 'list', 'setstat', 'fsetstat', 'rename', 'refused'),
    }),
  },
);

describe('operators, with ssh2-streams as client', () => {
  test('any steps on a file leave the bytes that were written', async () => {
    let number = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(anyStep, { maxLength: 25 }), async (steps) => {
        number += 1;
        const client = await connect(operators);
        const expected = await uploadBySteps(client, `file${number}`, steps);
        const names = (await client.readdir('/')).map(({ filename }) => filename);
        expect(names).toContain(hashOf(expected));
        expect((await client.stat(`/${hashOf(expected)}`)).size).toBe(expected.length);
        client.end();
      }),
      { numRuns: 25 },
    );
  });

  test('files that are open side by side do not mix', async () => {
    const client = await connect(operators);
    const files = Array.from({ length: 12 }, (_, index) => Buffer.alloc(50_000 + index, index + 1));
    const handles = await Promise.all(files.map((_, index) => client.open(`side${index}`, 'w', {})));
    const writes: Promise<unknown>[] = [];
    for (let at = 40_000; at >= 0; at -= 20_000) {
      for (const [index, file] of files.entries()) {
        const handle = handles[index] as Buffer;
        writes.push(client.write(handle, file.subarray(at, at === 40_000 ? file.length : at + 20_000), at));
      }
    }
    await Promise.all(handles.map((handle) => client.close(handle))); // CLOSE waits for the writes before it
    await Promise.all(writes);
    const names = (await client.readdir('/')).map(({ filename }) => filename);
    for (const file of files) expect(names).toContain(hashOf(file));
  });

  test('may have no more open files than the limit says', async () => {
    const client = await connect(operators);
    const opened = await Promise.allSettled(
      Array.from({ length: 70 }, (_, index) => client.open(`n${index}`, 'w', {})),
    );
    expect(opened.filter(({ status }) => status === 'fulfilled')).toHaveLength(64);
    client.end();
    await operators.ended(operators.statuses.length + 1);
    expect(await registry.bytes.clean()).toBe(0);
  });
});

/** Goes through the steps, and asks at each for what should be so. @returns what the file is then. */
async function uploadBySteps(client: Client, path: string, steps: readonly Step[]): Promise<Buffer> {
  let name = path;
  let content = Buffer.alloc(0);
  const handle = await client.open(name, 'w', {});
  const writes: Promise<unknown>[] = [];
  const filled = new Map<number, number>();
  for (const step of steps) {
    if (step.do === 'write') {
      if (filled.has(step.slot)) continue;
      filled.set(step.slot, step.length);
      const data = randomBytes(step.length);
      const grown = Buffer.alloc(Math.max(content.length, step.slot * SLOT + data.length));
      content.copy(grown);
      data.copy(grown, step.slot * SLOT);
      content = grown;
      writes.push(client.write(handle, data, step.slot * SLOT));
    } else if (step.do === 'rename') {
      await client.rename(name, `${name}.x`);
      name = `${name}.x`;
    } else {
      await look(client, step.do, name, handle, content.length);
    }
  }
  for (let slot = 0; slot * SLOT < content.length; slot += 1) {
    const begin = slot * SLOT + (filled.get(slot) ?? 0);
    const end = Math.min((slot + 1) * SLOT, content.length);
    if (begin < end) writes.push(client.write(handle, content.subarray(begin, end), begin));
  }
  await client.close(handle);
  await Promise.all(writes);
  expect((await client.lstat(name)).size).toBe(content.length);
  return content;
}

async function look(client: Client, what: string, name: string, handle: Buffer, size: number): Promise<void> {
  if (what === 'fstat') expect((await client.fstat(handle)).size).toBe(size);
  if (what === 'stat') expect(await client.stat(name)).toBeDefined();
  if (what === 'list') expect(await client.readdir('.')).toBeInstanceOf(Array);
  if (what === 'setstat') await client.setstat(name, { mode: 0o600, atime: 1, mtime: 2 });
  if (what === 'fsetstat') await client.fsetstat(handle, { mode: 0o600 });
  if (what !== 'refused') return;
  for (const refused of [
    client.mkdir('d', {}),
    client.unlink(name),
    client.open('x', 'r', {}),
    client.read(handle, Buffer.alloc(5), 0),
  ]) {
    await expect(refused).rejects.toMatchObject({ code: STATUS.PERMISSION_DENIED });
  }
}

describe('agents, with ssh2-streams as client', () => {
  test('any reads of any files, many at once, give their bytes', async () => {
    const archives = await Promise.all(
      Array.from({ length: 5 }, async (_, index) => {
        const text = `${index}`.repeat(40_000 * index + 1);
        return { text, hash: (await addText(registry, 'code', `v${index}`, text)).hash };
      }),
    );
    const anyRead = fc.record({
      file: fc.nat(4),
      at: fc.nat(200_000),
      length: fc.integer({ min: 1, max: 32_768 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(anyRead, { maxLength: 30 }), async (reads) => {
        const client = await connect(agents);
        const handles = await Promise.all(archives.map(({ hash }) => client.open(`files/${hash}`, 'r', {})));
        const asked = reads.map(async ({ file, at, length }) => {
          const [{ text }, handle] = [archives[file] ?? { text: '' }, handles[file] as Buffer];
          const target = Buffer.alloc(length);
          const read = client.read(handle, target, at);
          expect(await read).toBe(Math.max(0, Math.min(length, text.length - at))); // 0 is what it makes of EOF
          expect(target.toString().replace(/\0+$/, '')).toBe(text.slice(at, at + length));
        });
        await Promise.all(asked);
        for (const [index, handle] of handles.entries()) {
          expect((await client.fstat(handle)).size).toBe(archives[index]?.text.length);
          await client.close(handle);
        }
        client.end();
      }),
      { numRuns: 15 },
    );
  });

  test('every operation that would change something is refused', async () => {
    const client = await connect(agents);
    const [archive] = await registry.bytes.archives();
    const path = `/files/${archive?.hash}`;
    const handle = await client.open(path, 'r', {});
    for (const refused of [
      client.open(path, 'w', {}),
      client.open(path, 'r+', {}),
      client.open('/files/new', 'wx', {}),
      client.open(path, 'a', {}),
      client.write(handle, Buffer.from('x'), 0),
      client.setstat(path, { mode: 0o600 }),
      client.fsetstat(handle, { size: 0 }),
      client.rename(path, '/files/x'),
      client.unlink(path),
      client.mkdir('/x', {}),
    ]) {
      await expect(refused).rejects.toMatchObject({ code: STATUS.PERMISSION_DENIED });
    }
    await expect(client.close(Buffer.from('nope'))).rejects.toMatchObject({ message: 'no such handle' });
    expect(await client.realpath('a/../configs/.')).toBe('/configs');
  });

  test('a directory of more entries than fit one reply is listed whole', async () => {
    const names = Array.from(
      { length: 250 },
      (_, index) => `${String(index).padStart(3, '0')}${'n'.repeat(190)}`,
    );
    await registry.meta.write(async (tx) => {
      const [layer] = await tx.versions('code');
      const { fingerprint, comment } = OPERATOR;
      if (layer === undefined) throw new Error('no version');
      for (const name of names) {
        const revision = { name, revision: 1, mtime: layer.created, hash: layer.hash, layers: [layer] };
        await tx.appendRevision({
          ...revision,
          author: { fingerprint, comment, user: 'u', address: 'a' },
          command: 'x',
        });
      }
    });
    const client = await connect(agents);
    const listed = await client.readdir('/configs');
    expect(listed.map(({ filename }) => filename)).toEqual(names.map((name) => `${name}.json`));
  });
});
