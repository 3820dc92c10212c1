import { columns } from '@deploy-tools/shared/columns.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

describe('columns', () => {
  test('aligns as the original was seen to', () => {
    expect(
      columns([
        ['2026-11-20T16:32:24Z', 'v01'],
        ['2026-11-20T16:32:25Z', 'v 02'],
      ]),
    ).toBe('2026-11-20T16:32:24Z   v01    \n2026-11-20T16:32:25Z   v 02   \n');
    expect(
      columns([
        ['code', 'v01', '2026-11-20T16:32:24Z'],
        ['config', 'v01', '2026-11-20T16:32:25Z'],
      ]),
    ).toBe('code     v01   2026-11-20T16:32:24Z   \nconfig   v01   2026-11-20T16:32:25Z   \n');
    expect(columns([])).toBe('');
  });

  test('shows what would look like another row, or reach beyond a cell, as escapes', () => {
    expect(
      columns([
        ['a\nb\tc', '\x1b[2J'],
        ['d', 'e'],
      ]),
    ).toBe('a\\nb\\tc   \\x1b[2J   \nd         e         \n');
  });

  test('counts characters, not UTF-16 units or bytes', () => {
    expect(columns([['é😀'], ['abc']])).toBe('é😀    \nabc   \n');
  });

  test('every line of a full table has the same width, and every cell its place', () => {
    const word = fc.stringMatching(/^[a-z0-9é]{0,12}$/);
    const table = fc
      .nat(4)
      .chain((width) => fc.array(fc.array(word, { minLength: width, maxLength: width })));
    fc.assert(
      fc.property(table, (rows) => {
        const lines = columns(rows).split('\n').slice(0, -1);
        expect(lines).toHaveLength(rows.length);
        expect(new Set(lines.map((line) => line.length)).size).toBeLessThanOrEqual(1);
        for (const [index, line] of lines.entries()) {
          expect(line.split(/ +/).filter(Boolean)).toEqual(rows[index]?.filter(Boolean));
        }
      }),
    );
  });
});
