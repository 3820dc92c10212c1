import { BoundedLines } from '@deploy-tools/shared/report/bounded-lines.js';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { kindOf } from '../support/kind-of.js';

test('the lines do not depend on how the bytes arrive', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('a', 'é', '😀', '\n', '\r\n', '"'), maxLength: 60 }),
      fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 }),
      (text, sizes) => {
        const bytes = Buffer.from(text);
        const lines = new BoundedLines(1000);
        const seen: string[] = [];
        for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
          const size = sizes[turn % sizes.length] ?? 1;
          seen.push(...lines.push(bytes.subarray(at, at + size)));
          at += size;
        }
        expect(seen).toEqual(text.split(/\r?\n/).slice(0, -1));
      },
    ),
  );
});

test('a line that is too long is refused when it is, not when it ends', () => {
  const lines = new BoundedLines(10);
  expect([...lines.push(Buffer.from('123456789\n12345'))]).toEqual(['123456789']);
  expect(kindOf(() => [...lines.push(Buffer.from('678901'))])).toBe('too-large');
});

test('a chunk that is used again by its giver does not change a line', () => {
  const lines = new BoundedLines(10);
  const chunk = Buffer.from('abc');
  expect([...lines.push(chunk)]).toEqual([]);
  chunk.fill('x');
  expect([...lines.push(Buffer.from('\n'))]).toEqual(['abc']);
});
