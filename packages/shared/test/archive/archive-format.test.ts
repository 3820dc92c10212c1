import { execFileSync } from 'node:child_process';
import { detectArchiveFormat } from '@deploy-tools/shared/archive/archive-format.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { END_OF_ARCHIVE, tarOf } from './tar-builder.js';

describe('detectArchiveFormat', () => {
  const tar = tarOf([{ name: 'a', content: 'x' }]);

  it('knows tar with and without magic, and an empty one', () => {
    expect(detectArchiveFormat(tar)).toBe('tar');
    expect(detectArchiveFormat(tarOf([{ name: 'a', magic: '' }]))).toBe('tar');
    expect(detectArchiveFormat(END_OF_ARCHIVE)).toBe('tar');
  });

  it('knows what gzip and zstd write', () => {
    expect(detectArchiveFormat(execFileSync('gzip', ['-c'], { input: tar }))).toBe('tar.gz');
    expect(detectArchiveFormat(execFileSync('zstd', ['-c'], { input: tar }))).toBe('tar.zst');
    expect(detectArchiveFormat(Buffer.from('502a4d1800000000', 'hex'))).toBe('tar.zst');
  });

  it('refuses everything else', () => {
    expect(() => detectArchiveFormat(Buffer.alloc(0))).toThrow('the archive is empty');
    expect(() => detectArchiveFormat(tar.subarray(0, 511))).toThrow(/not a tar/);
    expect(() => detectArchiveFormat(Buffer.from('PK\x03\x04 zip'))).toThrow(/not a tar/);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 5, maxLength: 600 }), (bytes) => {
        bytes.set([0x23, 0x21], 0);
        expect(() => detectArchiveFormat(bytes)).toThrow(/not a tar/);
      }),
    );
  });
});
