import fc from 'fast-check';
import type { RawEntry } from '../../../../shared/test/archive/tar-builder.js';

const path = fc
  .array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 })
  .map((parts) => parts.join('/'));
const dotted = fc
  .tuple(fc.constantFrom('', './', './/'), path, fc.constantFrom('', '/'))
  .map((parts) => parts.join(''));
const mtime = fc.integer({ min: 1, max: 1_600_000_000 });
const mode = fc.integer({ min: 0, max: 0o777 });
const entry: fc.Arbitrary<RawEntry> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ name: path, content: fc.string({ maxLength: 20 }), mode, mtime }) },
  { weight: 3, arbitrary: fc.record({ name: dotted, flag: fc.constant('5'), mode, mtime }) },
  { weight: 2, arbitrary: fc.record({ name: path, flag: fc.constant('2'), linkName: path, mtime }) },
  { weight: 2, arbitrary: fc.record({ name: path, flag: fc.constant('1'), linkName: path, mtime }) },
);
/** Archives of few names, so that entries meet: files, directories, symlinks and hard links in any order. */
export const rawLayers = fc.array(fc.array(entry, { maxLength: 8 }), { minLength: 1, maxLength: 3 });
