import type { TarEntry } from '@deploy-tools/shared/archive/tar-entry.js';
import { TarReader } from '@deploy-tools/shared/archive/tar-reader.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { END_OF_ARCHIVE, gnuLong, headerOf, memberOf, paxOf, sealed, tarOf } from './tar-builder.js';

type Member = TarEntry & { readonly content: string };

function read(archive: Uint8Array, cuts: readonly number[] = []): Member[] {
  const members: Member[] = [];
  let entry: TarEntry | undefined;
  let content: Buffer[] = [];
  const reader = new TarReader({
    entry: (next) => {
      entry = next;
      content = [];
    },
    data: (chunk) => content.push(Buffer.from(chunk)),
    entryEnd: () => {
      if (entry !== undefined) members.push({ ...entry, content: Buffer.concat(content).toString('latin1') });
    },
  });
  const ends = [...cuts.map((cut) => cut % (archive.length + 1)), archive.length].sort((a, b) => a - b);
  let at = 0;
  for (const end of ends) {
    reader.write(archive.subarray(at, end));
    at = end;
  }
  reader.end();
  return members;
}

function failure(archive: Uint8Array): DeployError {
  try {
    read(archive);
  } catch (error) {
    if (error instanceof DeployError) return error;
    throw error;
  }
  throw new Error('the archive was read');
}

describe('TarReader: formats', () => {
  it('reads V7: no magic, NUL flag, a directory by its trailing slash', () => {
    const archive = tarOf([
      { name: 'd/', flag: '\0', magic: '' },
      { name: 'd/f', flag: '\0', magic: '', content: 'v7' },
    ]);
    expect(read(archive)).toMatchObject([
      { name: 'd/', type: 'directory' },
      { name: 'd/f', type: 'file', content: 'v7', size: 2 },
    ]);
  });

  it('joins the ustar prefix, but not where GNU keeps other things in its place', () => {
    const archive = tarOf([
      { name: 'f', prefix: 'a/b' },
      { name: 'g', prefix: 'atime', magic: 'ustar  \0' },
    ]);
    expect(read(archive).map((member) => member.name)).toEqual(['a/b/f', 'g']);
  });

  it('reads every type, and gives content to files only', () => {
    const archive = tarOf([
      { name: 'file', flag: '0', content: 'x' },
      { name: 'hard', flag: '1', linkName: 'file', size: 5 },
      { name: 'sym', flag: '2', linkName: 'file', size: 5 },
      { name: 'char', flag: '3', devMajor: 1, devMinor: 3 },
      { name: 'block', flag: '4', devMajor: 8, devMinor: 1 },
      { name: 'dir', flag: '5', size: 4096 },
      { name: 'pipe', flag: '6' },
      { name: 'contiguous', flag: '7', content: 'y' },
      { name: 'label', flag: 'V' },
    ]);
    expect(read(archive).map(({ type, size, linkName }) => [type, size, linkName])).toEqual([
      ['file', 1, ''],
      ['hardlink', 0, 'file'],
      ['symlink', 0, 'file'],
      ['character-device', 0, ''],
      ['block-device', 0, ''],
      ['directory', 0, ''],
      ['fifo', 0, ''],
      ['file', 1, ''],
    ]);
    expect(read(archive)[3]).toMatchObject({ deviceMajor: 1, deviceMinor: 3 });
  });

  it('takes GNU long names for one member only', () => {
    const archive = Buffer.concat([
      gnuLong('K', 't'.repeat(300)),
      gnuLong('L', 'n'.repeat(300)),
      memberOf({ name: 'short', flag: '2', linkName: 'short' }),
      memberOf({ name: 'next' }),
      END_OF_ARCHIVE,
    ]);
    expect(read(archive)).toMatchObject([
      { name: 'n'.repeat(300), linkName: 't'.repeat(300) },
      { name: 'next', linkName: '' },
    ]);
  });

  it('lets pax records win: path, linkpath, size, mtime, uid, gid; ignores what it does not know', () => {
    const archive = Buffer.concat([
      paxOf({
        path: 'Grüße',
        size: '3',
        mtime: '1350244992.023960108',
        uid: '3000000',
        gid: '70000',
        'SCHILY.xattr.user.x': 'binary\0\n=',
      }),
      memberOf({ name: 'other', size: 0, content: 'abc' }),
      paxOf({ linkpath: 'far', mtime: '-1.25' }),
      memberOf({ name: 'l', flag: '2', linkName: 'near' }),
      END_OF_ARCHIVE,
    ]);
    expect(read(archive)).toMatchObject([
      {
        name: 'Grüße',
        content: 'abc',
        mtimeSeconds: 1350244992,
        mtimeNanoseconds: 23960108,
        uid: 3000000,
        gid: 70000,
      },
      { name: 'l', linkName: 'far', mtimeSeconds: -2, mtimeNanoseconds: 750000000 },
    ]);
  });

  it('keeps global records until a later global or an empty local record takes them back', () => {
    const archive = Buffer.concat([
      paxOf({ mtime: '5', comment: 'commit id' }, 'g'),
      memberOf({ name: 'a' }),
      paxOf({ mtime: '' }),
      memberOf({ name: 'b', mtime: 7 }),
      paxOf({ mtime: '6' }, 'g'),
      memberOf({ name: 'c' }),
      END_OF_ARCHIVE,
    ]);
    expect(read(archive).map((member) => member.mtimeSeconds)).toEqual([5, 7, 6]);
  });

  it('reads base-256 numbers, negative ones included', () => {
    const header = headerOf({ name: 'f' }, 0);
    Buffer.from('80000000000000001234', 'hex').copy(header, 126);
    header[124] = 0x80;
    header.fill(0, 125, 134);
    header.writeUInt16BE(0, 134);
    header.fill(0xff, 136, 148);
    header[147] = 0xfe;
    expect(read(Buffer.concat([sealed(header), END_OF_ARCHIVE]))).toMatchObject([
      { size: 0, mtimeSeconds: -2 },
    ]);
  });

  it('accepts a checksum summed over signed bytes', () => {
    const header = headerOf({ name: 'caf\u00e9' }, 0);
    header.fill(0x20, 148, 156);
    const signed = header.reduce((total, byte) => total + (byte > 127 ? byte - 256 : byte), 0);
    header.write(`${signed.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    expect(read(Buffer.concat([header, END_OF_ARCHIVE]))).toMatchObject([{ name: 'caf\u00e9' }]);
  });

  it('tells how much of what it was given is the archive’s own, however it was cut', () => {
    const archive = tarOf([{ name: 'f', content: 'x' }]);
    const given = Buffer.concat([archive, Buffer.from('more')]);
    fc.assert(
      fc.property(fc.nat(given.length), (cut) => {
        const reader = new TarReader({ entry: () => {}, data: () => {}, entryEnd: () => {} });
        const own = reader.write(given.subarray(0, cut)) + reader.write(given.subarray(cut));
        expect(own).toBe(archive.length - 512);
      }),
    );
  });

  it('ignores what follows the first zero block, as GNU tar does', () => {
    const archive = Buffer.concat([
      tarOf([{ name: 'a' }]).subarray(0, 1024),
      tarOf([{ name: 'b' }]),
      Buffer.from('x'),
    ]);
    expect(read(archive)).toHaveLength(1);
  });

  it('reads an empty archive', () => {
    expect(read(END_OF_ARCHIVE)).toEqual([]);
  });
});

describe('TarReader: refusals', () => {
  it.each([
    ['a sparse file of GNU', tarOf([{ name: 's', flag: 'S' }]), 'invalid', /"s" is stored as a sparse file/],
    [
      'a sparse file of pax',
      Buffer.concat([paxOf({ 'GNU.sparse.major': '1' }), tarOf([{ name: 's' }])]),
      'invalid',
      /sparse/,
    ],
    ['an unknown type', tarOf([{ name: 'n', flag: 'Z' }]), 'invalid', /"n" is an entry of unknown type "Z"/],
    ['a bad checksum', corrupted(), 'corrupt', /damaged after "a"/],
    ['text', Buffer.alloc(2048, 'lorem '), 'corrupt', /does not begin with a tar header/],
    ['a number that is none', tarOf([{ name: 'n', size: Buffer.from('12345678xyz ') }]), 'corrupt', /size/],
    ['a negative size', tarOf([{ name: 'n', size: Buffer.alloc(12, 0xff) }]), 'corrupt', /negative size/],
    ['a size beyond counting', tarOf([{ name: 'n', size: Buffer.alloc(12, 0xbf) }]), 'corrupt', /size/],
    ['a directory with content', tarOf([{ name: 'd/', content: 'x' }]), 'corrupt', /"d\/"/],
    [
      'an overlong extended header',
      tarOf([{ name: 'x', flag: 'x', size: 2 ** 30 }]),
      'too-large',
      /1073741824/,
    ],
    [
      'overlong records for all that follows',
      Buffer.concat([paxOf({ comment: 'x'.repeat(70_000) }, 'g'), tarOf([{ name: 'n' }])]),
      'too-large',
      /limit of 65536/,
    ],
    [
      'an overlong GNU name',
      Buffer.concat([gnuLong('L', 'x'.repeat(70_000)), tarOf([{ name: 'n' }])]),
      'too-large',
      /limit of 65536/,
    ],
    [
      'a broken extended header',
      tarOf([{ name: 'x', flag: 'x', content: '9 a=b\n' }]),
      'corrupt',
      /extended/,
    ],
    ['a bad pax size', Buffer.concat([paxOf({ size: '-1' }), tarOf([{ name: 'n' }])]), 'corrupt', /bad size/],
    [
      'a bad pax time',
      Buffer.concat([paxOf({ mtime: '1e9' }), tarOf([{ name: 'n' }])]),
      'corrupt',
      /bad mtime/,
    ],
    [
      'an extended header at the end',
      Buffer.concat([paxOf({ path: 'a' }), END_OF_ARCHIVE]),
      'corrupt',
      /ends after/,
    ],
  ] as const)('%s', (_what, archive, kind, message) => {
    const error = failure(archive);
    expect(error.kind).toBe(kind);
    expect(error.message).toMatch(message);
  });

  it('an archive cut at any byte before its end-of-archive block', () => {
    const archive = Buffer.concat([
      paxOf({ path: 'long' }),
      tarOf([{ name: 'a', content: 'x'.repeat(700) }, { name: 'd/', flag: '5' }, { name: 'z' }]),
    ]);
    const whole = archive.length - 1024 + 512;
    for (let end = 0; end < whole; end++) expect(failure(archive.subarray(0, end)).kind).toBe('corrupt');
    expect(failure(archive.subarray(0, 1800)).message).toContain('in or after "long"');
    expect(read(archive.subarray(0, whole))).toHaveLength(3);
  });
});

describe('TarReader: properties', () => {
  const name = fc
    .string({
      unit: fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code)),
      minLength: 1,
      maxLength: 90,
    })
    .map((text) => text.replace(/\/+$/, '_'));
  const entries = fc.array(
    fc.record({
      name,
      content: fc.uint8Array({ maxLength: 1500 }),
      mode: fc.integer({ min: 0, max: 0o7777 }),
      mtime: fc.integer({ min: 0, max: 2 ** 33 - 1 }),
    }),
    { maxLength: 8 },
  );

  it('gives back what was written, however the bytes are cut', () => {
    fc.assert(
      fc.property(entries, fc.array(fc.nat(), { maxLength: 30 }), (written, cuts) => {
        const members = read(tarOf(written), cuts);
        expect(
          members.map(({ name: n, mode, mtimeSeconds, content }) => [n, mode, mtimeSeconds, content]),
        ).toEqual(written.map((e) => [e.name, e.mode, e.mtime, Buffer.from(e.content).toString('latin1')]));
      }),
      { numRuns: 200 },
    );
  });

  it('survives any damage: members or a DeployError, nothing else', () => {
    const archive = Buffer.concat([
      paxOf({ path: 'p', mtime: '1.5' }),
      gnuLong('L', 'l'.repeat(120)),
      tarOf([
        { name: 'a', content: 'x'.repeat(600) },
        { name: 'b', flag: '2', linkName: 'a' },
      ]),
    ]);
    const flips = fc.array(fc.tuple(fc.nat(archive.length - 1), fc.integer({ min: 1, max: 255 })), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(flips, fc.boolean(), (flipped, reseal) => {
        const damaged = Buffer.from(archive);
        for (const [at, mask] of flipped) damaged[at] = (damaged[at] ?? 0) ^ mask;
        if (reseal)
          for (const [at] of flipped) sealed(damaged.subarray(at - (at % 512), at - (at % 512) + 512));
        try {
          read(damaged);
        } catch (error) {
          expect(error).toBeInstanceOf(DeployError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

function corrupted(): Buffer {
  const archive = tarOf([{ name: 'a' }, { name: 'b' }]);
  archive[512 + 10] = 0x41;
  return archive;
}
