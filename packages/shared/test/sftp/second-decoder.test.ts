import { duplexPair } from 'node:stream';
import { SftpClient } from '@deploy-tools/shared/client/sftp-client.js';
import { PacketReader } from '@deploy-tools/shared/sftp/packet-reader.js';
import { PacketSplitter } from '@deploy-tools/shared/sftp/packet-splitter.js';
import { PacketWriter } from '@deploy-tools/shared/sftp/packet-writer.js';
import { type Attrs, PACKET, STATUS } from '@deploy-tools/shared/sftp/protocol.js';
import fc from 'fast-check';
import type { SftpStream } from 'ssh2-streams';
import { describe, expect, test } from 'vitest';
import { anyAttrs, anyName, anyText, cut, uint32 } from './packet-arbitraries.js';
import { secondSftp } from './second-decoder.js';

const anyHandle = fc.uint8Array({ minLength: 1, maxLength: 256 }).map((bytes) => Buffer.from(bytes));
const anyData = fc.uint8Array({ maxLength: 2000 }).map((bytes) => Buffer.from(bytes));
const places = fc.array(fc.nat(), { maxLength: 8 });
const INIT = new PacketWriter(PACKET.INIT).uint32(3).finish();

/** What ssh2-streams as a server makes of a request that was written by us, sent in chunks. */
function decodedBySecond(event: string, packet: Buffer, at: readonly number[]): unknown[] {
  const server = secondSftp('server');
  const decoded: unknown[] = [];
  server.on(event, (...fields: unknown[]) => decoded.push(...fields));
  for (const chunk of cut(Buffer.concat([INIT, packet]), at)) if (chunk.length > 0) server.write(chunk);
  return decoded;
}

/** What we make of a reply that ssh2-streams as a server has written: its type, and its fields after the id. */
function writtenBySecond(write: (server: SftpStream) => void): { type: number; fields: PacketReader } {
  const server = secondSftp('server');
  server.write(INIT);
  server.read(); // its greeting
  write(server);
  const [packet] = new PacketSplitter().push(server.read() as Buffer);
  if (packet === undefined) throw new Error('nothing was written');
  return { type: packet[0] ?? 0, fields: new PacketReader(packet, 5) };
}

function known(attrs: object): Attrs {
  const { size, uid, gid, mode, atime, mtime } = attrs as Attrs;
  return JSON.parse(JSON.stringify({ size, uid, gid, mode, atime, mtime })) as Attrs;
}

describe('requests that we write are read alike by ssh2-streams', () => {
  test('OPEN', () => {
    fc.assert(
      fc.property(uint32, anyText, fc.nat(63), anyAttrs, places, (id, path, flags, attrs, at) => {
        const packet = new PacketWriter(PACKET.OPEN)
          .uint32(id)
          .string(path)
          .uint32(flags)
          .attrs(attrs)
          .finish();
        const [seenId, seenPath, seenFlags, seenAttrs] = decodedBySecond('OPEN', packet, at);
        expect([seenId, seenPath, seenFlags, known(seenAttrs as object)]).toEqual([id, path, flags, attrs]);
      }),
    );
  });

  test('READ and WRITE', () => {
    fc.assert(
      fc.property(anyHandle, fc.maxSafeNat(), uint32, anyData, places, (handle, offset, length, data, at) => {
        const read = new PacketWriter(PACKET.READ).uint32(7).string(handle).uint64(offset).uint32(length);
        expect(decodedBySecond('READ', read.finish(), at)).toEqual([7, handle, offset, length]);
        const write = new PacketWriter(PACKET.WRITE).uint32(8).string(handle).uint64(offset).string(data);
        expect(decodedBySecond('WRITE', write.finish(), at)).toEqual([8, handle, offset, data]);
      }),
    );
  });

  test.each(['STAT', 'LSTAT', 'OPENDIR', 'REALPATH', 'REMOVE'] as const)('%s', (event) => {
    fc.assert(
      fc.property(uint32, anyText, places, (id, path, at) => {
        const packet = new PacketWriter(PACKET[event]).uint32(id).string(path).finish();
        expect(decodedBySecond(event, packet, at)).toEqual([id, path]);
      }),
      { numRuns: 30 },
    );
  });

  test.each(['CLOSE', 'FSTAT', 'READDIR'] as const)('%s', (event) => {
    fc.assert(
      fc.property(uint32, anyHandle, places, (id, handle, at) => {
        const packet = new PacketWriter(PACKET[event]).uint32(id).string(handle).finish();
        expect(decodedBySecond(event, packet, at)).toEqual([id, handle]);
      }),
      { numRuns: 30 },
    );
  });
});

/** ssh2-streams cannot write a mode of 0. */
const isWritable = ({ mode }: Attrs) => mode !== 0;

describe('replies that ssh2-streams writes are read alike by us', () => {
  test('STATUS, HANDLE and DATA', () => {
    fc.assert(
      fc.property(uint32, fc.nat(8), anyText, anyHandle, anyData, (id, code, text, handle, data) => {
        const status = writtenBySecond((server) => server.status(id, code, text));
        expect([status.type, status.fields.uint32(), status.fields.string()]).toEqual([
          PACKET.STATUS,
          code,
          text,
        ]);
        const opened = writtenBySecond((server) => server.handle(id, handle));
        expect([opened.type, opened.fields.bytes()]).toEqual([PACKET.HANDLE, handle]);
        const content = writtenBySecond((server) => server.data(id, data));
        expect([content.type, content.fields.bytes()]).toEqual([PACKET.DATA, data]);
      }),
    );
  });

  const writableName = anyName.filter(({ attrs }) => isWritable(attrs));

  test('ATTRS and NAME', () => {
    fc.assert(
      fc.property(
        uint32,
        fc.array(writableName, { maxLength: 5 }),
        anyAttrs.filter(isWritable),
        (id, names, attrs) => {
          const stat = writtenBySecond((server) => server.attrs(id, attrs));
          expect([stat.type, stat.fields.attrs()]).toEqual([PACKET.ATTRS, attrs]);
          const list = writtenBySecond((server) => server.name(id, names));
          expect([list.type, list.fields.uint32()]).toEqual([PACKET.NAME, names.length]);
          for (const name of names) expect(list.fields.nameEntry()).toEqual(name);
        },
      ),
    );
  });
});

describe('our client and a server of ssh2-streams', () => {
  test('any content is uploaded in any pieces, and any range is read back', async () => {
    const pieces = fc.array(fc.integer({ min: 0, max: 70_000 }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(pieces, fc.nat(), fc.nat(), async (sizes, a, b) => {
        const [channel, peer] = duplexPair();
        const stored = memoryServer(peer);
        const client = await SftpClient.start(channel);
        const parts = sizes.map((size, index) => Buffer.alloc(size, index + 1));
        const content = Buffer.concat(parts);
        await client.upload('/a file', iterate(parts));
        expect(stored.get('/a file')?.equals(content)).toBe(true);
        const [from, to] = [a % (content.length + 1), b % (content.length + 1)].sort((x, y) => x - y);
        const range = await collect(client.read('/a file', { from: from ?? 0, to: to ?? 0 }));
        expect(range.equals(content.subarray(from, to))).toBe(true);
        expect((await client.stat('/a file')).size).toBe(content.length);
        expect((await client.list('/')).map(({ filename }) => filename)).toEqual(['/a file']);
        await expect(client.stat('/other')).rejects.toMatchObject({ kind: 'not-found' });
        client.end();
      }),
      { numRuns: 25 },
    );
  });
});

/** Files in memory, served by ssh2-streams; reads are answered with at most 10000 bytes, as a server may. */
function memoryServer(peer: NodeJS.ReadWriteStream): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  const server = secondSftp('server');
  let listed = false;
  const nameOf = (handle: Buffer) => handle.toString();
  const contentOf = (handle: Buffer) => files.get(nameOf(handle)) ?? Buffer.alloc(0);
  server.on('OPEN', (id: number, path: string, flags: number) => {
    if (flags !== 1) files.set(path, Buffer.alloc(0));
    server.handle(id, Buffer.from(path));
  });
  server.on('WRITE', (id: number, handle: Buffer, offset: number, data: Buffer) => {
    const old = contentOf(handle);
    const grown = Buffer.alloc(Math.max(old.length, offset + data.length));
    old.copy(grown);
    data.copy(grown, offset);
    files.set(nameOf(handle), grown);
    server.status(id, STATUS.OK);
  });
  server.on('READ', (id: number, handle: Buffer, offset: number, length: number) => {
    server.data(id, contentOf(handle).subarray(offset, offset + Math.min(length, 10_000)));
  });
  server.on('FSTAT', (id: number, handle: Buffer) => server.attrs(id, { size: contentOf(handle).length }));
  server.on('STAT', (id: number, path: string) => {
    const content = files.get(path);
    if (content === undefined) server.status(id, STATUS.NO_SUCH_FILE);
    else server.attrs(id, { size: content.length });
  });
  server.on('OPENDIR', (id: number) => server.handle(id, Buffer.from('d')));
  server.on('READDIR', (id: number) => {
    if (listed) server.status(id, STATUS.EOF);
    else
      server.name(
        id,
        [...files.keys()].map((filename) => ({ filename, longname: filename, attrs: {} })),
      );
    listed = true;
  });
  server.on('CLOSE', (id: number) => server.status(id, STATUS.OK));
  peer.pipe(server).pipe(peer);
  return files;
}

async function* iterate(parts: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* parts;
}

async function collect(parts: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const part of parts) all.push(part);
  return Buffer.concat(all);
}
