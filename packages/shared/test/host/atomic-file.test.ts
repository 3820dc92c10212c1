import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomic } from '@deploy-tools/shared/host/atomic-file.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { startScript } from '../support/script-process.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

/** Writes one letter many times over, another letter each time, and says when it has begun. */
const WRITER = `
  import { writeFileAtomic } from '@deploy-tools/shared/host/atomic-file.js';
  for (let round = 0; ; round += 1) {
    writeFileAtomic(process.argv[1], String.fromCharCode(97 + (round % 26)).repeat(200000));
    if (round === 3) console.log('begun');
  }
`;

describe('writeFileAtomic', () => {
  test('writes text and bytes, whatever was there', () => {
    const path = join(temporaryDirectory(), 'state.json');
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.uint8Array({ maxLength: 5000 })), (content) => {
        writeFileAtomic(path, content);
        expect(readFileSync(path).equals(Buffer.from(content))).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  test('gives the mode asked for, also to a file that had another', () => {
    const path = join(temporaryDirectory(), 'host_key');
    writeFileSync(path, 'old');
    chmodSync(path, 0o644);
    writeFileAtomic(path, 'new', 0o600);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test('a rename that fails leaves what was there, and no temporary file', () => {
    const dir = temporaryDirectory();
    mkdirSync(join(dir, 'taken'));
    writeFileSync(join(dir, 'taken', 'x'), 'kept');
    expect(() => writeFileAtomic(join(dir, 'taken'), 'new')).toThrow(/EISDIR|ENOTEMPTY|EEXIST/);
    expect(readdirSync(dir)).toEqual(['taken']);
    expect(readFileSync(join(dir, 'taken', 'x'), 'utf8')).toBe('kept');
  });

  test('a directory that is not there is an error and stays so', () => {
    const dir = temporaryDirectory();
    expect(() => writeFileAtomic(join(dir, 'no', 'file'), 'x')).toThrow('ENOENT');
    expect(readdirSync(dir)).toEqual([]);
  });

  test('a process killed while it writes leaves a whole content', async () => {
    const dir = temporaryDirectory();
    const path = join(dir, 'state.json');
    for (let round = 0; round < 3; round += 1) {
      const writer = startScript(WRITER, path);
      expect(await writer.line()).toBe('begun');
      await writer.kill();
      expect(readFileSync(path, 'utf8')).toMatch(/^(\w)\1{199999}$/);
    }
    const others = readdirSync(dir).filter((name) => name !== 'state.json');
    expect(others.every((name) => /^\.state\.json\.[0-9a-f]{12}\.tmp$/.test(name))).toBe(true);
  });
});
