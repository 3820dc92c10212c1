import { DeployError } from '@deploy-tools/shared/errors.js';
import {
  decodeWatchLine,
  encodeWatchLine,
  MAX_WATCH_LINE,
  type WatchEvent,
} from '@deploy-tools/shared/watch-line.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const HASH = 'a'.repeat(64);
const name = fc.string({ unit: 'binary', minLength: 1, maxLength: 50 });
const revision = fc.nat();
const time = fc
  .date({ noInvalidDate: true, min: new Date(0), max: new Date('9999-01-01') })
  .map((date) => date.toISOString());
const hash = fc.stringMatching(/^[0-9a-f]{64}$/);
const anEvent: fc.Arbitrary<WatchEvent> = fc.oneof(
  fc.record({ kind: fc.constant('config' as const), name, revision, hash, mtime: time }),
  fc.record({ kind: fc.constant('absent' as const), name, revision }),
  fc.record({ kind: fc.constant('heartbeat' as const), time }),
);

describe('a line of the watch', () => {
  test('is as documented', () => {
    const mtime = '2026-03-01T11:28:18.123Z';
    expect(encodeWatchLine({ kind: 'config', name: 'project1', revision: 7, hash: HASH, mtime })).toBe(
      `{"Event":"config","Name":"project1","Revision":7,"Hash":"${HASH}","Mtime":"${mtime}"}\n`,
    );
    expect(encodeWatchLine({ kind: 'absent', name: 'nope', revision: 0 })).toBe(
      '{"Event":"absent","Name":"nope","Revision":0}\n',
    );
    expect(encodeWatchLine({ kind: 'heartbeat', time: mtime })).toBe(
      `{"Event":"heartbeat","Time":"${mtime}"}\n`,
    );
  });

  test('is read as it was written', () => {
    fc.assert(
      fc.property(anEvent, (event) => {
        const line = encodeWatchLine(event);
        expect(line.indexOf('\n')).toBe(line.length - 1);
        expect(decodeWatchLine(line.trimEnd())).toEqual(event);
      }),
    );
  });

  test('fits with the longest name there may be', () => {
    const mtime = new Date().toISOString();
    for (const longest of ['"'.repeat(200), '\u{1F600}'.repeat(50)]) {
      const line = encodeWatchLine({ kind: 'config', name: longest, revision: 2 ** 52, hash: HASH, mtime });
      expect(line.length).toBeLessThan(MAX_WATCH_LINE);
    }
  });

  test('may have more keys, and kinds that are not known yet', () => {
    const line = '{"Event":"heartbeat","Time":"2026-01-01T00:00:00Z","More":[1]}';
    expect(decodeWatchLine(line)).toEqual({ kind: 'heartbeat', time: '2026-01-01T00:00:00Z' });
    expect(decodeWatchLine('{"Event":"weather","Rain":true}')).toBeUndefined();
  });

  test.each([
    ['', 'the watch line is not valid JSON'],
    ['null', 'the watch line is missing'],
    ['[]', 'the watch line is malformed'],
    ['{}', 'Event of the watch line is missing'],
    ['{"Event":7}', 'Event of the watch line is malformed'],
    ['{"Event":"heartbeat"}', 'Time of the watch line is missing'],
    ['{"Event":"absent","Revision":1}', 'Name of the watch line is missing'],
    ['{"Event":"absent","Name":"x","Revision":-1}', 'Revision of the watch line is malformed'],
    ['{"Event":"absent","Name":"x","Revision":1.5}', 'Revision of the watch line is malformed'],
    [`{"Event":"config","Name":"x","Revision":1,"Hash":"${HASH}"}`, 'Mtime of the watch line is missing'],
    [`{"Event":"config","Name":"x","Revision":1,"Hash":"${HASH}0","Mtime":"t"}`, 'Hash of the watch line'],
    [`{"Event":"config","Name":"x","Revision":1,"Hash":"../../etc","Mtime":"t"}`, 'Hash of the watch line'],
  ])('%j is refused', (line, why) => {
    const refusal = () => decodeWatchLine(line);
    expect(refusal).toThrow(DeployError);
    expect(refusal).toThrow(why);
  });

  test('of any text is read or refused', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        try {
          decodeWatchLine(text);
        } catch (error) {
          expect(error).toMatchObject({ kind: 'corrupt' });
        }
      }),
    );
  });
});
