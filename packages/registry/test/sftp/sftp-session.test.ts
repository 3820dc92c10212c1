import { randomBytes } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { AgentTree } from '@deploy-tools/registry/sftp/agent-tree.js';
import { OperatorTree } from '@deploy-tools/registry/sftp/operator-tree.js';
import { SftpClient } from '@deploy-tools/shared/client/sftp-client.js';
import { decodeConfigJson } from '@deploy-tools/shared/config-json.js';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { kindOfRejection } from '../../../shared/test/support/kind-of.js';
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
const content = randomBytes(1_234_567);

beforeAll(async () => {
  registry = await openLastingRegistry({ maxUpload: 8 << 20 });
  operators = await startSftpServer(
    (transfers) =>
      new OperatorTree(registry, { principal: OPERATOR, log: registry.log, transfers: transfers }),
    registry.log,
  );
  agents = await startSftpServer(
    (transfers) => new AgentTree(registry, { access: AGENT.access, log: registry.log, transfers }),
    registry.log,
  );
  await addText(registry, 'code', 'v1', content.toString('latin1'));
  const change = { author: OPERATOR, command: 'x' };
  await registry.configurations.put(change, 'pröject 1', [{ component: 'code', version: 'v1' }]);
});

afterAll(async () => {
  await operators.close();
  await agents.close();
  await registry.close();
});

describe('an operator', () => {
  test('uploads any number of bytes in any pieces, and finds them by their hash', async () => {
    const client = await SftpClient.start(await operators.open());
    const sizes = [0, 1, 32_767, 32_768, 32_769, 261_119, 261_120, 261_121, 262_144, 1_000_003];
    for (const size of sizes) {
      const bytes = randomBytes(size);
      const progress: number[] = [];
      await client.upload('x', pieces(bytes, 100_001), { onProgress: (sent) => progress.push(sent) });
      expect((await client.stat(`/${hashOf(bytes)}`)).size).toBe(size);
      expect((await client.stat('x')).size).toBe(size);
      expect(progress.at(-1) ?? 0).toBe(size);
    }
    expect(await client.list('/')).toHaveLength(sizes.length);
    client.end();
  });

  test('uploads side by side, in one session and in several', async () => {
    const clients = [
      await SftpClient.start(await operators.open()),
      await SftpClient.start(await operators.open()),
    ];
    const uploads = Array.from({ length: 10 }, (_, index) => Buffer.alloc(300_000 + index, index));
    await Promise.all(
      uploads.map((bytes, index) => clients[index % 2]?.upload(`u${index}`, pieces(bytes, 70_000))),
    );
    const names = (await clients[0]?.list('.'))?.map(({ filename }) => filename);
    for (const bytes of uploads) expect(names).toContain(hashOf(bytes));
  });

  test('gets the reason of a refusal in words', async () => {
    const client = await SftpClient.start(await operators.open());
    const large = client.upload('big', pieces(Buffer.alloc((8 << 20) + 1), 1_000_000));
    await expect(large).rejects.toThrow(
      'the upload is larger than 8.0 MB (-max-upload of the registry sets the limit)',
    );
    await expect(client.readFile('/x', 10)).rejects.toMatchObject({
      kind: 'denied',
      message: '/x: operators may only upload',
    });
    await expect(client.stat('/nope')).rejects.toMatchObject({ kind: 'not-found' });
    await expect(client.list('/nope')).rejects.toMatchObject({ kind: 'not-found' });
    await expect(client.upload('/', pieces(Buffer.alloc(1), 1))).rejects.toThrow('/ is a directory');
  });

  test('whose connection breaks in the middle leaves nothing behind', async () => {
    const server = await startSftpServer(
      (transfers) =>
        new OperatorTree(registry, { principal: OPERATOR, log: registry.log, transfers: transfers }),
      registry.log,
    );
    const client = await SftpClient.start(await server.open());
    const before = (await registry.bytes.uploads()).length;
    let sent = 0;
    const endless = (async function* () {
      for (;;) {
        yield Buffer.alloc(100_000, 7);
        sent += 1;
        if (sent === 10) server.cut();
        await turn();
      }
    })();
    const pending = [
      kindOfRejection(client.upload('x', endless)),
      kindOfRejection(client.stat('/nope/later')),
    ];
    expect(await pending[0]).toBe('connect');
    await server.ended(1);
    expect(await registry.bytes.uploads()).toHaveLength(before);
    expect(await registry.bytes.clean()).toBe(0);
    expect(await kindOfRejection(client.stat('/'))).toBe('connect');
    await server.close();
  });
});

test('the work of a long CLOSE learns that its client is gone', async () => {
  let closing = () => {};
  const begun = new Promise<void>((resolve) => {
    closing = resolve;
  });
  const file = {
    stat: () => ({}),
    abandon: async () => {},
    close: (gone: AbortSignal) => {
      closing();
      return new Promise<void>((resolve) => gone.addEventListener('abort', () => resolve()));
    },
  };
  const refuse = () => Promise.reject(new Error('not asked for'));
  const files = { open: async () => file, stat: refuse, list: refuse, setStat: refuse, rename: refuse };
  const server = await startSftpServer(() => files, registry.log);
  const client = await SftpClient.start(await server.open());
  const upload = kindOfRejection(client.upload('x', pieces(Buffer.alloc(0), 1)));
  await begun;
  server.cut();
  expect(await upload).toBe('connect');
  await server.ended(1);
  await server.close();
});

describe('an agent', () => {
  test('reads any range of an archive', async () => {
    const client = await SftpClient.start(await agents.open());
    const [version] = await registry.meta.read((tx) => tx.versions('code'));
    const stored = Buffer.from(content.toString('latin1'));
    expect(version?.size).toBe(stored.length);
    const bound = fc.nat(stored.length);
    await fc.assert(
      fc.asyncProperty(bound, bound, fc.integer({ min: 1, max: 2 << 20 }), async (a, b, window) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        const read = await collect(client.read(`/files/${version?.hash}`, { from, to, window }));
        expect(read.equals(stored.subarray(from, to))).toBe(true);
      }),
      { numRuns: 15 },
    );
    const beyond = collect(
      client.read(`files/${version?.hash}`, { from: stored.length - 5, to: stored.length + 1 }),
    );
    await expect(beyond).rejects.toThrow('the remote file is shorter than its stated size');
  });

  test('reads the configuration by relative, absolute and roundabout paths', async () => {
    const client = await SftpClient.start(await agents.open());
    for (const path of [
      'configs/pröject 1.json',
      '/configs/pröject 1.json',
      '/x/../configs//./pröject 1.json',
      '../../configs/pröject 1.json',
    ]) {
      const config = decodeConfigJson((await client.readFile(path, 10_000)).toString());
      expect(config).toMatchObject({ name: 'pröject 1', revision: 1 });
    }
    expect((await client.list('/configs')).map(({ filename }) => filename)).toEqual(['pröject 1.json']);
    expect((await client.list('/')).map(({ filename }) => filename)).toEqual([
      ...['configs', 'files', 'manifests', 'packs'],
    ]);
  });

  test('can name nothing outside the tree, and write nothing in it', async () => {
    const client = await SftpClient.start(await agents.open());
    const hostile = [
      '/etc/passwd',
      '../registry.db',
      '/files/../registry.db',
      '/files/../../etc/passwd',
      '/configs/../host_key',
      '/uploads',
      '/configs/a/b.json',
      '/files/x',
      '/files/'.padEnd(80, 'A'),
    ];
    for (const path of hostile) {
      expect(await kindOfRejection(client.readFile(path, 100))).toBe('not-found');
      expect(await kindOfRejection(client.stat(path))).toBe('not-found');
      expect(await kindOfRejection(client.upload(path, pieces(Buffer.alloc(1), 1)))).toBe('denied');
    }
    await expect(client.readFile('/configs/nope.json', 100)).rejects.toThrow(
      'configuration "nope" not found',
    );
    await expect(client.stat('a\0b')).rejects.toThrow('the path is not acceptable');
  });
});

async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function collect(parts: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const part of parts) all.push(Buffer.from(part));
  return Buffer.concat(all);
}
