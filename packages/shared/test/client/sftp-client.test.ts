import { setImmediate as turn } from 'node:timers/promises';
import { SftpClient } from '@deploy-tools/shared/client/sftp-client.js';
import { PacketWriter } from '@deploy-tools/shared/sftp/packet-writer.js';
import { MAX_DATA, PACKET, STATUS } from '@deploy-tools/shared/sftp/protocol.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { kindOfRejection } from '../support/kind-of.js';
import {
  attrsReply,
  dataReply,
  handleReply,
  limitsReply,
  type Request,
  scriptedSftpServer,
  statusReply,
  versionReply,
  withLimits,
} from './scripted-sftp-server.js';

const CONTENT = Buffer.from(Array.from({ length: 100_000 }, (_, index) => index * 7));

/** Serves CONTENT; each read gives at most as much as `part` says. */
function contentServer(part: (asked: number) => number, delay?: (reply: Buffer) => Buffer | undefined) {
  return scriptedSftpServer(({ type, id, fields }) => {
    if (type === PACKET.OPEN) return handleReply(id);
    if (type === PACKET.FSTAT) return attrsReply(id, { size: CONTENT.length });
    if (type !== PACKET.READ) return statusReply(id);
    fields.bytes();
    const offset = fields.uint64();
    const asked = fields.uint32();
    const data = CONTENT.subarray(offset, offset + Math.min(asked, part(asked)));
    const reply = data.length === 0 ? statusReply(id, STATUS.EOF) : dataReply(id, data);
    return delay === undefined ? reply : delay(reply);
  });
}

async function collect(parts: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const part of parts) all.push(Buffer.from(part));
  return Buffer.concat(all);
}

describe('reading', () => {
  test('any range, from a server that sends any part of what is asked', async () => {
    const bound = fc.nat(CONTENT.length);
    await fc.assert(
      fc.asyncProperty(bound, bound, fc.integer({ min: 1000, max: 40_000 }), async (a, b, most) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        const client = await SftpClient.start(contentServer(() => most).channel);
        expect((await collect(client.read('/f', { from, to }))).equals(CONTENT.subarray(from, to))).toBe(
          true,
        );
        expect((await collect(client.read('/f', { from }))).equals(CONTENT.subarray(from))).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  test('replies in any order', async () => {
    const held: Buffer[] = [];
    const server = contentServer(
      (asked) => asked,
      (reply) => {
        held.push(reply);
        if (held.length < 4) return undefined;
        return Buffer.concat(held.splice(0).reverse());
      },
    );
    const client = await SftpClient.start(server.channel);
    const parts = collect(client.read('/f', { to: 4 * 25_000, window: 1 << 20 }));
    expect((await parts).equals(CONTENT)).toBe(true);
  });

  test('any places of a file that stays open, all at once, from a server that sends any part', async () => {
    const place = fc.tuple(fc.nat(CONTENT.length), fc.nat(CONTENT.length));
    await fc.assert(
      fc.asyncProperty(fc.array(place), fc.integer({ min: 1000, max: 40_000 }), async (places, most) => {
        const client = await SftpClient.start(contentServer(() => most).channel);
        const file = await client.openFile('/f');
        const read = async ([a, b]: [number, number]) => {
          const [from, to] = [Math.min(a, b), Math.max(a, b)];
          const target = Buffer.alloc(to - from);
          await file.readInto(target, from);
          expect(target.equals(CONTENT.subarray(from, to))).toBe(true);
        };
        await Promise.all(places.map(read));
        await file.close();
      }),
      { numRuns: 30 },
    );
  });

  test('beyond the end of a file that stays open is corrupt', async () => {
    const client = await SftpClient.start(contentServer((asked) => asked).channel);
    const file = await client.openFile('/f');
    const target = Buffer.alloc(10);
    await expect(file.readInto(target, CONTENT.length - 5)).rejects.toMatchObject({ kind: 'corrupt' });
  });

  test('a file that ends before the end asked for is corrupt', async () => {
    const client = await SftpClient.start(contentServer((asked) => asked).channel);
    const read = collect(client.read('/f', { from: 90_000, to: 100_001 }));
    await expect(read).rejects.toMatchObject({
      kind: 'corrupt',
      message: 'the remote file is shorter than its stated size',
    });
  });

  test.each([
    ['more data than asked for', (id: number) => dataReply(id, Buffer.alloc(40_000))],
    ['no data', (id: number) => dataReply(id, Buffer.alloc(0))],
    ['a reply of another type', (id: number) => handleReply(id)],
    ['a reply that is cut', (id: number) => new PacketWriter(PACKET.DATA).uint32(id).uint32(9).finish()],
  ])('%s is corrupt', async (_what, reply) => {
    const server = scriptedSftpServer(({ type, id }) => {
      if (type === PACKET.OPEN) return handleReply(id);
      return type === PACKET.READ ? reply(id) : statusReply(id);
    });
    const client = await SftpClient.start(server.channel);
    expect(await kindOfRejection(collect(client.read('/f', { to: 10 })))).toBe('corrupt');
  });

  test('a reader that stops early closes the file', async () => {
    const server = contentServer((asked) => asked);
    const client = await SftpClient.start(server.channel);
    for await (const part of client.read('/f')) {
      expect(part.length).toBeGreaterThan(0);
      break;
    }
    expect(server.seen.at(-1)).toBe(PACKET.CLOSE);
  });

  test('a small file is bounded', async () => {
    const client = await SftpClient.start(contentServer((asked) => asked).channel);
    expect(await kindOfRejection(client.readFile('/f', CONTENT.length - 1))).toBe('too-large');
    expect((await client.readFile('/f', CONTENT.length)).equals(CONTENT)).toBe(true);
  });
});

describe('limits', () => {
  const largest = async (version: Buffer, limits: (id: number) => Buffer) => {
    let most = 0;
    const server = scriptedSftpServer(({ type, id, fields }) => {
      if (type === PACKET.EXTENDED) return limits(id);
      if (type === PACKET.OPEN) return handleReply(id);
      if (type === PACKET.WRITE) {
        fields.bytes();
        fields.uint64();
        most = Math.max(most, fields.bytes().length);
      }
      return statusReply(id);
    }, version);
    const client = await SftpClient.start(server.channel);
    await client.upload('/f', chunksOf(600_000));
    return most;
  };

  test.each([
    ['not offered', versionReply(), 0, 32_768],
    ['offered', withLimits, 100_000, 100_000],
    ['beyond ours', withLimits, 1 << 30, MAX_DATA],
    ['zero, which is unknown', withLimits, 0, 32_768],
  ])('%s: writes are of %#', async (_what, version, limit, expected) => {
    expect(await largest(version, (id) => limitsReply(id, limit, limit))).toBe(expected);
  });

  test('a server that offers them and then refuses is used without', async () => {
    expect(await largest(withLimits, (id) => statusReply(id, STATUS.OP_UNSUPPORTED, 'no'))).toBe(32_768);
  });
});

describe('uploading', () => {
  test("a refusal has the server's own text, and the file is closed", async () => {
    const server = scriptedSftpServer(({ type, id }) => {
      if (type === PACKET.OPEN) return handleReply(id);
      return type === PACKET.WRITE
        ? statusReply(id, STATUS.FAILURE, 'the upload is larger than 1 GB')
        : statusReply(id);
    });
    const client = await SftpClient.start(server.channel);
    await expect(client.upload('/f', chunksOf(100))).rejects.toThrow('the upload is larger than 1 GB');
    expect(server.seen.at(-1)).toBe(PACKET.CLOSE);
  });

  test.each([
    [STATUS.NO_SUCH_FILE, 'not-found'],
    [STATUS.PERMISSION_DENIED, 'denied'],
    [STATUS.OP_UNSUPPORTED, 'unsupported'],
    [STATUS.FAILURE, 'invalid'],
  ])('a status %d of OPEN is %s', async (code, kind) => {
    const server = scriptedSftpServer(({ id }) => statusReply(id, code, ''));
    const client = await SftpClient.start(server.channel);
    const refused = client.upload('/f', chunksOf(1));
    await expect(refused).rejects.toMatchObject({ kind, message: `/f: SFTP status ${code}` });
  });

  test('a source that fails closes the file, and its error is the one reported', async () => {
    const server = scriptedSftpServer(({ type, id }) =>
      type === PACKET.OPEN ? handleReply(id) : statusReply(id),
    );
    const client = await SftpClient.start(server.channel);
    const source = (async function* () {
      yield Buffer.alloc(10);
      throw new Error('the disk broke');
    })();
    await expect(client.upload('/f', source)).rejects.toThrow('the disk broke');
    expect(server.seen.at(-1)).toBe(PACKET.CLOSE);
  });

  test('ends with CLOSE: a refused CLOSE is a refused upload', async () => {
    const server = scriptedSftpServer(({ type, id }) => {
      if (type === PACKET.OPEN) return handleReply(id);
      return type === PACKET.CLOSE ? statusReply(id, STATUS.FAILURE, 'no space') : statusReply(id);
    });
    const client = await SftpClient.start(server.channel);
    await expect(client.upload('/f', chunksOf(10))).rejects.toThrow('no space');
  });

  test('an aborted upload is cancelled, also when the server does not answer', async () => {
    const abort = new AbortController();
    const server = scriptedSftpServer(({ type, id }) => {
      if (type === PACKET.WRITE) setImmediate(() => abort.abort());
      return type === PACKET.OPEN ? handleReply(id) : undefined;
    });
    const client = await SftpClient.start(server.channel);
    const upload = client.upload('/f', chunksOf(16 << 20), { signal: abort.signal });
    await expect(upload).rejects.toThrow(/abort/i);
  });

  test('waiting for a slow connection leaves no listeners behind', async () => {
    const server = scriptedSftpServer(({ type, id }) =>
      type === PACKET.OPEN ? handleReply(id) : statusReply(id),
    );
    const client = await SftpClient.start(server.channel);
    const before = listeners();
    await client.upload('/f', chunksOf(8 << 20));
    expect(listeners()).toEqual(before);

    function listeners(): number[] {
      return ['drain', 'close', 'error', 'end'].map((event) => server.channel.listenerCount(event));
    }
  });
});

describe('a session that ends', () => {
  test.each([
    ['is cut', (server: { peer: import('node:stream').Duplex }) => server.peer.end()],
    [
      'breaks',
      (server: { channel: import('node:stream').Duplex }) => server.channel.destroy(new Error('reset')),
    ],
  ])('rejects everything pending, and whatever comes later, when it %s', async (_what, end) => {
    const server = scriptedSftpServer(({ type, id }) => (type === PACKET.OPEN ? handleReply(id) : undefined));
    const client = await SftpClient.start(server.channel);
    const pending = [
      kindOfRejection(client.stat('/a')),
      kindOfRejection(client.list('/')),
      kindOfRejection(collect(client.read('/f', { to: 10 }))),
      kindOfRejection(client.upload('/f', chunksOf(16 << 20))),
    ];
    while (server.seen.length < 8) await turn();
    end(server);
    expect(await Promise.all(pending)).toEqual(['connect', 'connect', 'connect', 'connect']);
    expect(await kindOfRejection(client.stat('/a'))).toBe('connect');
  });

  test('before the greeting, rejects the start', async () => {
    const server = scriptedSftpServer(() => undefined);
    server.peer.removeAllListeners('data');
    const start = kindOfRejection(SftpClient.start(server.channel));
    server.peer.end();
    expect(await start).toBe('connect');
  });
});

describe('a server that does not speak the protocol', () => {
  test.each([
    ['an older version', versionReply(2), 'unsupported'],
    ['a greeting that is cut', Buffer.from([0, 0, 0, 2, PACKET.VERSION, 0]), 'corrupt'],
    ['a shell prompt', Buffer.from('Welcome to this host!\n'), 'corrupt'],
    ['a reply before the greeting', statusReply(1), 'corrupt'],
  ])('%s', async (_what, greeting, kind) => {
    expect(
      await kindOfRejection(SftpClient.start(scriptedSftpServer(() => undefined, greeting).channel)),
    ).toBe(kind);
  });

  test('a reply to a request that was not made ends the session as corrupt', async () => {
    const server = scriptedSftpServer(({ id }: Request) => statusReply(id + 1));
    const client = await SftpClient.start(server.channel);
    expect(await kindOfRejection(client.stat('/a'))).toBe('corrupt');
    expect(await kindOfRejection(client.stat('/a'))).toBe('corrupt');
    expect(server.channel.destroyed).toBe(true);
  });

  test('any bytes after the greeting reject what is pending, never throw elsewhere', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (garbage) => {
        const server = scriptedSftpServer(() => undefined);
        const client = await SftpClient.start(server.channel);
        const pending = kindOfRejection(client.stat('/a'));
        server.peer.end(garbage);
        expect(['corrupt', 'connect', 'invalid', 'not-found', 'denied', 'unsupported']).toContain(
          await pending,
        );
      }),
      { numRuns: 50 },
    );
  });
});

test('a directory is listed to its end, and closed also when that fails', async () => {
  let replies = 0;
  const server = scriptedSftpServer(({ type, id }) => {
    if (type === PACKET.OPENDIR) return handleReply(id);
    if (type !== PACKET.READDIR) return statusReply(id);
    replies += 1;
    if (replies === 3) return statusReply(id, STATUS.EOF);
    if (replies > 3) return statusReply(id, STATUS.FAILURE, 'the disk broke');
    const entry = { filename: `f${replies}`, longname: 'l', attrs: { size: replies } };
    return new PacketWriter(PACKET.NAME).uint32(id).uint32(1).nameEntry(entry).finish();
  });
  const client = await SftpClient.start(server.channel);
  expect((await client.list('/')).map(({ filename }) => filename)).toEqual(['f1', 'f2']);
  await expect(client.list('/')).rejects.toThrow('the disk broke');
  expect(server.seen.at(-1)).toBe(PACKET.CLOSE);
});

async function* chunksOf(bytes: number): AsyncGenerator<Buffer> {
  for (let left = bytes; left > 0; left -= 1_000_000) yield Buffer.alloc(Math.min(left, 1_000_000), 1);
}
