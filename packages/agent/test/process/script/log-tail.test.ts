import { LogTail } from '@deploy-tools/agent/process/script/log-tail.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

function tailOf(lines: readonly string[], bounds = {}): LogTail {
  const tail = new LogTail(bounds);
  for (const line of lines) tail.push(line);
  return tail;
}

describe('the tail of a log', () => {
  it('is all of a short one', () => {
    expect(tailOf(['one', '', 'three']).lines()).toEqual(['one', '', 'three']);
    expect(tailOf(['one', '', 'three']).text()).toBe('one\n\nthree\n');
    expect(tailOf([]).text()).toBe('');
  });

  it('is the last 200 lines', () => {
    const lines = Array.from({ length: 1000 }, (_, index) => `line ${index}`);
    expect(tailOf(lines).lines()).toEqual(lines.slice(-200));
  });

  it('is at most 32 KiB as a report carries it', () => {
    const tail = tailOf(Array.from({ length: 50 }, () => '\u0000'.repeat(1000)));
    expect(tail.lines()).toHaveLength(5);
    expect(Buffer.byteLength(JSON.stringify(tail.lines()))).toBeLessThanOrEqual(32 * 1024);
  });

  it('keeps the beginning of a line that has no room, and no half character', () => {
    const [line] = tailOf(['before', `${'x'.repeat(12)}😀😀😀`], { maxBytes: 20 }).lines();
    expect(line).toBe(`${'x'.repeat(12)}😀`);
  });

  it('begins anew', () => {
    const tail = tailOf(['one']);
    tail.clear();
    tail.push('two');
    expect(tail.lines()).toEqual(['two']);
  });

  it('is always the end of what came, within its bounds', () => {
    const bounds = fc.record({
      maxLines: fc.integer({ min: 1, max: 20 }),
      maxBytes: fc.integer({ min: 10, max: 200 }),
    });
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), bounds, (lines, bound) => {
        const kept = tailOf(lines, bound).lines();
        expect(kept.length).toBeLessThanOrEqual(bound.maxLines);
        expect(Buffer.byteLength(JSON.stringify(kept))).toBeLessThanOrEqual(bound.maxBytes + 1);
        const ends = lines.slice(lines.length - kept.length);
        expect(kept.every((line, index) => ends[index]?.startsWith(line))).toBe(true);
        if (lines.length > 0) expect(kept.length).toBeGreaterThan(0);
      }),
    );
  });
});
