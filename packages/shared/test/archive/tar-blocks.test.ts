import { execFileSync } from 'node:child_process';
import { byteName } from '@deploy-tools/shared/archive/byte-name.js';
import { TAR_END, type TarMember, tarHeader, tarPadding } from '@deploy-tools/shared/archive/tar-blocks.js';
import type { TarEntry } from '@deploy-tools/shared/archive/tar-entry.js';
import { TarReader } from '@deploy-tools/shared/archive/tar-reader.js';
import fc from 'fast-check';
import { expect, test } from 'vitest';

const name = fc
  .stringMatching(/^[a-zé ]{1,12}(\/[a-zé ]{1,60}){0,6}$/)
  .map(byteName)
  .filter((path) => path.length < 1000);

const member: fc.Arbitrary<TarMember> = fc
  .record({
    type: fc.constantFrom('file', 'hardlink', 'symlink', 'directory'),
    path: name,
    linkTarget: name,
    mode: fc.integer({ min: 0, max: 0o7777 }),
    uid: fc.oneof(fc.integer({ min: 0, max: 70_000 }), fc.integer({ min: 0, max: 2 ** 31 })),
    gid: fc.integer({ min: 0, max: 2 ** 31 }),
    size: fc.integer({ min: 0, max: 2000 }),
    mtimeSeconds: fc.oneof(fc.integer({ min: -1000, max: 2 ** 40 }), fc.integer({ min: 0, max: 2 ** 31 })),
    mtimeNanoseconds: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 999_999_999 })),
  })
  .map((fields) => ({
    ...fields,
    size: fields.type === 'file' ? fields.size : 0,
    linkTarget: fields.type.endsWith('link') ? fields.linkTarget : '',
  }));

function archive(members: readonly TarMember[]): Buffer {
  return Buffer.concat([
    ...members.flatMap((item) => [tarHeader(item), Buffer.alloc(item.size, 'x'), tarPadding(item.size)]),
    TAR_END,
  ]);
}

test('any member is read back as it was written', () => {
  fc.assert(
    fc.property(fc.array(member, { maxLength: 5 }), (members) => {
      const read: TarEntry[] = [];
      const reader = new TarReader({
        entry: (entry) => read.push(entry),
        data: () => {},
        entryEnd: () => {},
      });
      reader.write(archive(members));
      reader.end();
      expect(read).toEqual(
        members.map(({ path, linkTarget, ...rest }) => ({
          ...rest,
          name: rest.type === 'directory' ? `${path}/` : path,
          linkName: linkTarget,
          deviceMajor: 0,
          deviceMinor: 0,
        })),
      );
    }),
  );
});

test('GNU tar lists the same names', () => {
  fc.assert(
    fc.property(fc.array(member, { minLength: 1, maxLength: 5 }), (members) => {
      const listed = execFileSync('tar', ['tf', '-', '--quoting-style=literal'], { input: archive(members) });
      const names = members.map(({ type, path }) => (type === 'directory' ? `${path}/` : path));
      expect(listed.toString('latin1')).toBe(names.map((line) => `${line}\n`).join(''));
    }),
    { numRuns: 50 },
  );
});
