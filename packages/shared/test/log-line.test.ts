import { logFormat } from '@deploy-tools/shared/log-format.js';
import { lineFormatter } from '@deploy-tools/shared/log-line.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const TIME = '2026-03-01T12:00:00.123Z';
const EVENT = { level: 40, time: TIME, name: 'deploy-agent', hash: 'abc', why: 'disk "a" is full', ms: 3 };
const line = (more: object = {}) => `${JSON.stringify({ ...EVENT, ...more, msg: 'deployment failed' })}\n`;

describe('the format of a log', () => {
  const place = { isTerminal: false, stream: '9:42', env: {} };

  test.each([
    ['auto', place, 'json'],
    ['auto', { ...place, isTerminal: true }, 'pretty'],
    ['auto', { ...place, env: { JOURNAL_STREAM: '9:42' } }, 'journal'],
    ['auto', { ...place, env: { JOURNAL_STREAM: '9:43' } }, 'json'],
    ['auto', { ...place, stream: undefined }, 'json'],
    ['json', { ...place, isTerminal: true }, 'json'],
    ['plain', place, 'plain'],
    ['pretty', place, 'pretty'],
  ] as const)('%s of %j is %s', (value, where, format) => {
    expect(logFormat(value, where)).toBe(format);
  });

  test('that is not known is refused', () => {
    expect(() => logFormat('xml', place)).toThrow('invalid log format "xml"');
  });
});

describe('a log line', () => {
  test('is JSON as it came', () => {
    expect(lineFormatter('json', {})(line())).toBe(line());
  });

  test('is for people: time, level, message, then the facts', () => {
    const facts = `hash=abc why="disk 'a' is full" ms=3`;
    expect(lineFormatter('plain', {})(line())).toBe(`${TIME} WARN  deployment failed ${facts}\n`);
    expect(lineFormatter('journal', {})(line())).toBe(`<4>deployment failed ${facts}\n`);
    const pretty = lineFormatter('pretty', { NO_COLOR: '1' })(line());
    expect(pretty).toMatch(/^\d\d:\d\d:00\.123 WARN {2}deployment failed hash=abc /);
    expect(lineFormatter('pretty', {})(line())).toContain('\u001b[33mWARN \u001b[0m deployment failed');
  });

  test('has nested values and errors on the same line; a stack is shown on a terminal only', () => {
    const err = { type: 'Error', message: 'boom', stack: 'Error: boom\n    at here' };
    const nested = { err, pause: { by: 'ops' } };
    expect(lineFormatter('plain', {})(line(nested))).toMatch(/ err=boom pause="\{'by':'ops'\}"\n$/);
    const pretty = lineFormatter('pretty', { NO_COLOR: '1' })(line(nested));
    expect(pretty.split('\n').slice(1)).toEqual(['    Error: boom', '        at here', '']);
  });

  test('is one line that no terminal would obey, whatever is in it', () => {
    const text = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(fc.dictionary(text, fc.oneof(text, fc.array(text), fc.integer())), text, (facts, msg) => {
        for (const format of ['plain', 'journal'] as const) {
          const shown = lineFormatter(format, {})(`${JSON.stringify({ ...facts, ...EVENT, msg })}\n`);
          expect(shown).toMatch(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*\n$/u);
        }
      }),
    );
  });
});
