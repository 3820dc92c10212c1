import { logTail, MAX_LOG_BYTES, MAX_LOG_LINES } from '@deploy-tools/shared/report/log-tail.js';
import fc from 'fast-check';
import { expect, test } from 'vitest';

const bytesOf = (lines: readonly string[]) => Buffer.byteLength(lines.map((line) => `${line}\n`).join(''));

test('is the longest end of the lines within the bounds', () => {
  const line = fc.oneof(
    fc.string({ maxLength: 20 }),
    fc.nat(MAX_LOG_BYTES).map((length) => 'é'.repeat(length / 2)),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 300 }), (lines) => {
      const all = lines.flatMap((text) => text.split(/\r\n|\n|\r/));
      const tail = logTail(lines);
      expect(all.slice(all.length - tail.length)).toEqual(tail);
      expect(tail.length).toBeLessThanOrEqual(MAX_LOG_LINES);
      expect(bytesOf(tail)).toBeLessThanOrEqual(MAX_LOG_BYTES);
      const more = all.slice(all.length - tail.length - 1);
      const whole = tail.length === all.length;
      expect(whole || tail.length === MAX_LOG_LINES || bytesOf(more) > MAX_LOG_BYTES).toBe(true);
    }),
  );
});

test('a text with newlines is several lines', () => {
  expect(logTail(['a\nb', 'c\r\nd'])).toEqual(['a', 'b', 'c', 'd']);
});
