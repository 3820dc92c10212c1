import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { byteName } from '@deploy-tools/shared/archive/byte-name.js';
import { EntryPolicy, type SafeEntry } from '@deploy-tools/shared/archive/entry-policy.js';
import { archiveFile, readArchive } from '@deploy-tools/shared/archive/read-archive.js';
import { TAR_END, tarHeader, tarPadding } from '@deploy-tools/shared/archive/tar-blocks.js';
import { DEFAULT_UNPACK_POLICY } from '@deploy-tools/shared/archive/unpack-policy.js';
import fc from 'fast-check';
import { create, list, type ReadEntry } from 'tar';
import { expect, it } from 'vitest';
import { testScope } from '../../../../test/support/scope.js';
import { tempDir } from '../../../../test/support/temp-dir.js';

// The npm package `tar` as a second writer and reader of archives, independent of GNU tar and of ours.

const name = fc.stringMatching(/^[a-zé ][a-z0-9é .-]{0,120}[a-z]$/);
const file = fc.record({ folder: fc.option(name), name, size: fc.nat(5000), seconds: fc.nat(2 ** 31) });

it('reads what the tar package writes as the tar package does', async () => {
  const dir = tempDir(testScope());
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(file, { minLength: 1, maxLength: 6 }), fc.boolean(), async (files, gzip) => {
      run += 1;
      const root = join(dir, `tree-${run}`);
      for (const { folder, name, size, seconds } of files) {
        const parent = folder === null ? root : join(root, `d${folder}`);
        mkdirSync(parent, { recursive: true });
        const path = join(parent, `f${name}`);
        writeFileSync(path, Buffer.alloc(size, name));
        utimesSync(path, seconds, seconds);
      }
      symlinkSync('nowhere', join(root, 'a-link'));
      const archive = join(dir, `${run}.tar`);
      await create({ file: archive, cwd: root, gzip, portable: run % 2 === 0 }, ['.']);
      expect(await ours(archive)).toEqual(await theirs(archive));
    }),
    { numRuns: 25 },
  );
});

interface Member {
  readonly type: 'file' | 'directory';
  readonly path: string;
  readonly mode: number;
  readonly content: Uint8Array;
  readonly seconds: number;
}

const member: fc.Arbitrary<Member> = fc.record({
  type: fc.constantFrom('file' as const, 'directory' as const),
  path: fc.stringMatching(/^[a-zé][a-z0-9é .-]{0,120}[a-z](\/[a-zé]{1,120}){0,2}$/),
  mode: fc.nat(0o7777),
  content: fc.uint8Array({ maxLength: 2000 }),
  seconds: fc.nat(2 ** 31),
});

it('is read by the tar package as it was meant', async () => {
  const archive = join(tempDir(testScope()), 'ours.tar');
  await fc.assert(
    fc.asyncProperty(fc.array(member, { minLength: 1, maxLength: 6 }), async (members) => {
      writeFileSync(archive, Buffer.concat([...members.flatMap(blocksOf), TAR_END]));
      const found: object[] = [];
      const onReadEntry = ({ path, type, mode, size, mtime }: ReadEntry): void => {
        found.push({ path, type, mode, size, mtime });
      };
      await list({ file: archive, strict: true, onReadEntry });
      expect(found).toEqual(
        members.map(({ type, path, mode, content, seconds }) => ({
          path: type === 'directory' ? `${path}/` : path,
          type: type === 'directory' ? 'Directory' : 'File',
          mode,
          size: type === 'directory' ? 0 : content.length,
          mtime: new Date(seconds * 1000),
        })),
      );
    }),
    { numRuns: 50 },
  );
});

function blocksOf({ type, path, mode, content, seconds }: Member): Uint8Array[] {
  const bytes = type === 'file' ? content : new Uint8Array();
  const size = bytes.length;
  const header = tarHeader({
    type,
    path: byteName(path),
    linkTarget: '',
    mode,
    uid: 0,
    gid: 0,
    size,
    mtimeSeconds: seconds,
    mtimeNanoseconds: 0,
  });
  return [header, bytes, tarPadding(size)];
}

async function ours(archive: string): Promise<object[]> {
  const entries: object[] = [];
  const sink = {
    entry: (entry: SafeEntry) => {
      entries.push({
        path: Buffer.from(entry.path, 'latin1').toString(),
        type: entry.type,
        size: entry.size,
        link: entry.linkTarget,
      });
    },
    data: () => {},
    entryEnd: () => {},
  };
  await readArchive(archiveFile(archive), new EntryPolicy(DEFAULT_UNPACK_POLICY), sink);
  return entries;
}

const TYPES: Readonly<Record<string, string>> = {
  File: 'file',
  Directory: 'directory',
  SymbolicLink: 'symlink',
};

async function theirs(archive: string): Promise<object[]> {
  const entries: object[] = [];
  await list({
    file: archive,
    onReadEntry: (entry) => {
      entries.push({
        path: entry.path.replace(/^\.\/?/, '').replace(/\/$/, ''),
        type: TYPES[entry.type],
        size: entry.size,
        link: entry.linkpath ?? '',
      });
    },
  });
  return entries;
}
