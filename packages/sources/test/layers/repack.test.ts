import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { TarEntry } from '@deploy-tools/shared/archive/tar-entry.js';
import { TarReader } from '@deploy-tools/shared/archive/tar-reader.js';
import { DEFAULT_UNPACK_POLICY, type UnpackPolicy } from '@deploy-tools/shared/archive/unpack-policy.js';
import { artifactContent } from '@deploy-tools/sources/layers/artifact-content.js';
import { type RepackTask, repack } from '@deploy-tools/sources/layers/repack.js';
import { repackInto } from '@deploy-tools/sources/layers/repack-into.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeWith } from '../../../../test/support/requires.js';
import { kindOf, kindOfRejection } from '../../../shared/test/support/kind-of.js';
import { temporaryDirectory } from '../../../shared/test/support/temporary-directory.js';
import { patterned } from '../contract/source-contract.js';
import { type RawMember, rawZip } from './raw-zip.js';

const SIGNAL = new AbortController().signal;

function taskOf(
  bytes: Uint8Array,
  content: RepackTask['content'],
  policy: Partial<UnpackPolicy> = {},
): RepackTask {
  const dir = temporaryDirectory();
  writeFileSync(join(dir, 'from'), bytes);
  return {
    from: join(dir, 'from'),
    into: join(dir, 'into'),
    content,
    name: 'app',
    policy: { ...DEFAULT_UNPACK_POLICY, ...policy },
  };
}

interface Member {
  readonly entry: TarEntry;
  readonly content: string;
}

function membersOf(archive: string): Member[] {
  const members: { entry: TarEntry; content: string }[] = [];
  const reader = new TarReader({
    entry: (entry) => members.push({ entry, content: '' }),
    data: (chunk) => {
      const last = members.at(-1);
      if (last !== undefined) last.content += Buffer.from(chunk).toString('latin1');
    },
    entryEnd: () => {},
  });
  reader.write(gunzipSync(readFileSync(archive)));
  reader.end();
  return members;
}

async function zipMembers(members: readonly RawMember[]): Promise<Member[]> {
  const task = taskOf(rawZip(members), 'zip');
  await repackInto(task);
  return membersOf(task.into);
}

describe('a zip file', () => {
  it('becomes the same tar.gz every time, with modes, links and times', async () => {
    const members: RawMember[] = [
      { name: 'bin/', mode: 0o040750 },
      { name: 'bin/app', content: 'program', mode: 0o100755 },
      { name: 'current', content: 'bin/app', mode: 0o120777, method: 0 },
      { name: 'ü', content: patterned(100_000) },
    ];
    const read = await zipMembers(members);
    expect(read.map(({ entry: { type, name, linkName, mode } }) => [type, name, linkName, mode])).toEqual([
      ['directory', 'bin/', '', 0o750],
      ['file', 'bin/app', '', 0o755],
      ['symlink', 'current', 'bin/app', 0o777],
      ['file', Buffer.from('ü').toString('latin1'), '', 0o644],
    ]);
    expect(read[1]?.content).toBe('program');
    expect(new Set(read.map(({ entry }) => entry.mtimeSeconds))).toEqual(
      new Set([Date.UTC(2026, 6, 3, 10, 20, 30) / 1000]),
    );
    const [first, second] = [taskOf(rawZip(members), 'zip'), taskOf(rawZip(members), 'zip')];
    expect((await repackInto(first)).hash).toBe((await repackInto(second)).hash);
  });

  it('made by DOS has its backslashes turned, and modes of its own', async () => {
    const read = await zipMembers([
      { name: 'dir\\app.exe', content: 'x', madeBy: 0, mode: 0 },
      { name: 'dir\\sub\\', madeBy: 0, mode: 0 },
    ]);
    expect(read.map(({ entry: { type, name, mode } }) => [type, name, mode])).toEqual([
      ['file', 'dir/app.exe', 0o644],
      ['directory', 'dir/sub/', 0o755],
    ]);
  });

  it('with names of an old code page has them in UTF-8', async () => {
    const [member] = await zipMembers([{ name: Buffer.from([0x81, 0x62]), content: 'x' }]); // cp437: üb
    expect(Buffer.from(member?.entry.name ?? '', 'latin1').toString()).toBe('üb');
  });

  it.each<[string, RawMember[], string]>([
    ['a path that leads outside', [{ name: '../evil', content: 'x' }], 'unsafe'],
    ['one that does so later', [{ name: 'a/../../evil', content: 'x' }], 'unsafe'],
    ['an absolute path', [{ name: '/etc/evil', content: 'x' }], 'unsafe'],
    ['one with backslashes', [{ name: '..\\evil', content: 'x', madeBy: 0 }], 'unsafe'],
    ['a NUL in a name', [{ name: 'a\0b', content: 'x' }], 'unsafe'],
    ['an empty name', [{ name: '', content: 'x' }], 'unsafe'],
    ['a symlink that leads outside', [{ name: 'out', content: '../..', mode: 0o120777 }], 'unsafe'],
    ['an absolute symlink', [{ name: 'out', content: '/etc', mode: 0o120777 }], 'unsafe'],
    [
      'a file through a symlink',
      [
        { name: 'dir', content: 'other', mode: 0o120777 },
        { name: 'dir/file', content: 'x' },
      ],
      'unsafe',
    ],
    ['a symlink without a target', [{ name: 'out', content: '', mode: 0o120777 }], 'unsafe'],
    [
      'a symlink whose target has no end',
      [{ name: 'out', content: 'x'.repeat(5000), mode: 0o120777 }],
      'invalid',
    ],
    ['a device', [{ name: 'null', mode: 0o020666 }], 'unsafe'],
    ['a FIFO', [{ name: 'fifo', mode: 0o010666 }], 'unsafe'],
    ['a socket', [{ name: 'socket', mode: 0o140666 }], 'invalid'],
    ['encryption', [{ name: 'a', content: 'x', flags: 1 }], 'invalid'],
    ['a method that nobody reads', [{ name: 'a', content: 'x', method: 14 }], 'invalid'],
    ['a wrong checksum', [{ name: 'a', content: 'x', crc: 1 }], 'corrupt'],
    ['more than it says', [{ name: 'a', content: 'xyz', size: 1 }], 'corrupt'],
    ['less than it says', [{ name: 'a', content: 'x', size: 3 }], 'corrupt'],
    ['nothing', [], 'invalid'],
  ])('with %s is refused', async (_title, members, kind) => {
    expect(await kindOfRejection(repackInto(taskOf(rawZip(members), 'zip')))).toBe(kind);
  });

  it('that is a bomb is refused before it fills the disk', async () => {
    const zeros = rawZip([{ name: 'zeros', content: new Uint8Array(1024 * 1024) }]);
    for (const policy of [{ maxBytes: 100_000 }, { maxEntries: 0 }]) {
      expect(await kindOfRejection(repackInto(taskOf(zeros, 'zip', policy)))).toBe('too-large');
    }
    const liar = rawZip([{ name: 'zeros', content: new Uint8Array(1024 * 1024), size: 10 }]);
    expect(await kindOfRejection(repackInto(taskOf(liar, 'zip', { maxBytes: 1000 })))).toBe('corrupt');
  });

  it('that was damaged anywhere gives an error of ours, or nothing that was not there', async () => {
    const sound = rawZip([
      { name: 'a/b', content: 'some content' },
      { name: 'link', content: 'a', mode: 0o120777 },
    ]);
    const flips = fc.array(fc.tuple(fc.nat({ max: sound.length - 1 }), fc.nat({ max: 255 })), {
      maxLength: 3,
    });
    await fc.assert(
      fc.asyncProperty(flips, fc.nat({ max: sound.length }), async (changes, cut) => {
        const bytes = Buffer.from(sound.subarray(0, changes.length === 0 ? cut : sound.length));
        for (const [at, value] of changes) bytes[at] = value;
        expect(await kindOfRejection(repackInto(taskOf(bytes, 'zip')))).toMatch(
          /^(nothing thrown|corrupt|invalid|unsafe|too-large)$/,
        );
      }),
      { numRuns: 60 },
    );
  });
});

describeWith(['zip'], 'a zip file of zip(1)', () => {
  it('unpacks to the same as the tree that it was made of', async () => {
    const dir = temporaryDirectory();
    const tree = join(dir, 'tree');
    mkdirSync(join(tree, 'sub'), { recursive: true });
    writeFileSync(join(tree, 'sub', 'app'), patterned(50_000));
    chmodSync(join(tree, 'sub', 'app'), 0o751);
    symlinkSync('sub/app', join(tree, 'current'));
    utimesSync(join(tree, 'sub', 'app'), 1_700_000_001, 1_700_000_001);
    execFileSync('zip', ['-qry', '../app.zip', '.'], { cwd: tree });
    const task = taskOf(readFileSync(join(dir, 'app.zip')), 'zip');
    await repackInto(task);
    const listed = execFileSync('tar', ['tvzf', task.into, '--full-time'], { env: { TZ: 'UTC' } }).toString();
    expect(listed).toMatch(/^-rwxr-x--x 0\/0 +50000 2023-11-14 22:13:21 sub\/app$/m);
    expect(listed).toMatch(/^lrwxrwxrwx .* current -> sub\/app$/m);
    expect(
      Buffer.from(
        membersOf(task.into).find(({ entry }) => entry.name === 'sub/app')?.content ?? '',
        'latin1',
      ),
    ).toEqual(patterned(50_000));
  });
});

describeWith(['xz', 'bzip2'], 'tar.xz and tar.bz2', () => {
  const tarOf = (size: number): Buffer => {
    const dir = temporaryDirectory();
    writeFileSync(join(dir, 'file'), patterned(size));
    return execFileSync('tar', ['cf', '-', '-C', dir, 'file'], { maxBuffer: 1e8 });
  };
  const FORMATS = [
    ['tar.xz', 'xz'],
    ['tar.bz2', 'bzip2'],
  ] as const;

  it.each(FORMATS)('%s holds the same as a tar.gz', async (content, program) => {
    for (const size of [0, 200_000]) {
      const tar = tarOf(size);
      const task = taskOf(execFileSync(program, { input: tar, maxBuffer: 1e8 }), content);
      const { hash } = await repackInto(task);
      expect(gunzipSync(readFileSync(task.into)).equals(tar)).toBe(true);
      expect((await repackInto({ ...task, into: `${task.into}2` })).hash).toBe(hash);
    }
  });

  it.each(FORMATS)('%s that is damaged, cut, too large, or no tar', async (content, program) => {
    const packed = execFileSync(program, { input: tarOf(150_000), maxBuffer: 1e8 });
    const flipped = Buffer.from(packed);
    flipped.fill(0x55, 70_000, 70_010);
    expect(await kindOfRejection(repackInto(taskOf(flipped, content)))).toBe('corrupt');
    expect(await kindOfRejection(repackInto(taskOf(packed.subarray(0, 100_000), content)))).toBe('corrupt');
    expect(await kindOfRejection(repackInto(taskOf(packed, content, { maxBytes: 1000 })))).toBe('too-large');
    for (const input of ['text', 'x'.repeat(2000)]) {
      const text = execFileSync(program, { input });
      expect(await kindOfRejection(repackInto(taskOf(text, content)))).toBe('invalid');
    }
  });
});

describe('a single file', () => {
  it('becomes a program in an archive, the same every time', async () => {
    const [first, second] = [taskOf(patterned(70_000), 'file'), taskOf(patterned(70_000), 'file')];
    const made = await repackInto(first);
    expect((await repackInto(second)).hash).toBe(made.hash);
    expect(membersOf(first.into).map(({ entry: { name, mode, size } }) => [name, mode, size])).toEqual([
      ['app', 0o755, 70_000],
    ]);
    expect(made.size).toBe(readFileSync(first.into).length);
  });
});

describe('in a thread', () => {
  it('does the same, and hands over what went wrong', async () => {
    const task = taskOf(patterned(1000), 'file');
    expect((await repack(task, SIGNAL)).hash).toBe(
      (await repackInto({ ...task, into: `${task.into}2` })).hash,
    );
    const unsafe = taskOf(rawZip([{ name: '../x', content: 'x' }]), 'zip');
    expect(await kindOfRejection(repack(unsafe, SIGNAL))).toBe('unsafe');
    expect(await kindOfRejection(repack(unsafe, AbortSignal.abort()))).toBe('cancelled');
  });
});

describe('artifactContent', () => {
  const gz = Buffer.from([0x1f, 0x8b, 8]);
  const zip = Buffer.from('PK\x03\x04');
  const bz2 = Buffer.from('BZh91AY&SY');
  const xz = Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]);

  it.each<[string, Buffer, string]>([
    ['a.tar.gz', gz, 'tar.gz'],
    ['a.zip', gz, 'tar.gz'],
    ['a.tar.gz', zip, 'zip'],
    ['a.tar.bz2', bz2, 'tar.bz2'],
    ['a.txz', xz, 'tar.xz'],
    ['a', xz, 'tar.xz'],
    ['a', Buffer.from('\x7fELF'), 'file'],
    ['a.jar', zip, 'file'],
    ['a.gz', gz, 'file'],
  ])('%s is seen by its bytes', (name, head, content) => {
    expect(artifactContent(name, head)).toBe(content);
  });

  it('refuses an archive by name only', () => {
    expect(kindOf(() => artifactContent('a.tar.gz', Buffer.from('<html>')))).toBe('invalid');
    expect(kindOf(() => artifactContent('a.zip', Buffer.alloc(0)))).toBe('invalid');
  });
});
