import { LineSplitter } from '@deploy-tools/agent/process/script/line-splitter.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const MAX_LINE = 8192;

function linesOf(chunks: readonly Buffer[]): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line));
  for (const chunk of chunks) splitter.push(chunk);
  splitter.end();
  return lines;
}

/** Cuts at the given places, in whatever order and however far out they are. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
}

/** Text so many times; written like this so that a counterexample can be read. */
type Part = readonly [text: string, times: number];

const bytesOf = (parts: readonly Part[]) =>
  Buffer.from(parts.map(([text, times]) => text.repeat(times)).join(''));

/** Output as programs write it, with the bytes that matter frequent, and runs about as long as the longest line. */
const output = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.tuple(fc.constantFrom('\n', '\r\n', '\r', 'ä', '€', '😀'), fc.constant(1)) },
    { weight: 2, arbitrary: fc.tuple(fc.string({ unit: 'grapheme', maxLength: 20 }), fc.constant(1)) },
    {
      weight: 1,
      arbitrary: fc.tuple(
        fc.constantFrom('x', 'é', '😀'),
        fc.oneof(
          fc.integer({ min: MAX_LINE - 2, max: MAX_LINE + 2 }),
          fc.integer({ min: MAX_LINE / 2 - 2, max: MAX_LINE / 2 + 2 }),
        ),
      ),
    },
  ),
  { maxLength: 30 },
);

const binary = fc.uint8Array({ maxLength: 300 });

describe('LineSplitter', () => {
  it('gives the same lines however the bytes are cut', () => {
    fc.assert(
      fc.property(output, fc.array(fc.nat(), { maxLength: 20 }), (parts, places) => {
        const bytes = bytesOf(parts);
        expect(linesOf(cut(bytes, places))).toEqual(linesOf([bytes]));
      }),
    );
  });

  it('does so when the bytes are no text', () => {
    fc.assert(
      fc.property(binary, fc.array(fc.nat(), { maxLength: 20 }), (bytes, places) => {
        expect(linesOf(cut(Buffer.from(bytes), places))).toEqual(linesOf([Buffer.from(bytes)]));
      }),
    );
  });

  it('gives the lines of a text whose lines are short', () => {
    const line = fc.string({ unit: 'grapheme', maxLength: 50 }).map((text) => text.replace(/[\r\n]/g, ''));
    fc.assert(
      fc.property(fc.array(line), fc.constantFrom('\n', '\r\n'), (lines, end) => {
        expect(linesOf([Buffer.from(lines.map((text) => text + end).join(''))])).toEqual(lines);
      }),
    );
  });

  it('bounds every line and loses nothing of a long one', () => {
    fc.assert(
      fc.property(output, (parts) => {
        const bytes = bytesOf(parts);
        const lines = linesOf([bytes]);
        for (const line of lines) {
          expect(line.length).toBeLessThanOrEqual(MAX_LINE);
          expect(Buffer.from(line).toString()).toBe(line); // no half of a character
        }
        const withoutEnds = (text: string) => text.replace(/[\r\n]/g, '');
        expect(withoutEnds(lines.join(''))).toBe(withoutEnds(bytes.toString()));
      }),
    );
  });

  it('gives out a line of exactly the longest length once, without an empty one after it', () => {
    const longest = 'x'.repeat(MAX_LINE);
    expect(linesOf([Buffer.from(`${longest}\r\nnext\n`)])).toEqual([longest, 'next']);
  });

  it('gives out what is left without a newline, and nothing for nothing', () => {
    expect(linesOf([Buffer.from('one\ntwo')])).toEqual(['one', 'two']);
    expect(linesOf([Buffer.from('one\r')])).toEqual(['one']);
    expect(linesOf([])).toEqual([]);
    expect(linesOf([Buffer.from('\n\n')])).toEqual(['', '']);
  });

  it('does not hold an endless line', () => {
    const lines: string[] = [];
    const splitter = new LineSplitter((line) => lines.push(line));
    for (let i = 0; i < 100; i += 1) splitter.push(Buffer.alloc(65_536, 'x'));
    expect(lines.length).toBeGreaterThanOrEqual((100 * 65_536) / MAX_LINE - 1);
  });
});
