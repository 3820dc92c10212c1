import { byteName, fsPath, showName } from '@deploy-tools/shared/archive/byte-name.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

describe('names as bytes', () => {
  it('keep the bytes of any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(Buffer.from(fsPath(byteName(text)))).toEqual(Buffer.from(text));
      }),
    );
  });

  it('are shown as UTF-8 on one line', () => {
    expect(showName(byteName('Grüße'))).toBe('"Grüße"');
    expect(showName('a\n\x1b[31m"\\')).toBe('"a\\u{a}\\u{1b}[31m\\"\\\\"');
    expect(showName('caf\xe9')).toBe('"caf\ufffd"');
    expect(showName('x'.repeat(5000))).toHaveLength(203);
  });
});
