import { readBoltMeta } from '@deploy-tools/registry/takeover/bolt/bolt-meta.js';
import { type BoltEntry, walkBolt } from '@deploy-tools/registry/takeover/bolt/walk-bolt.js';
import { readGoState } from '@deploy-tools/registry/takeover/read-go-state.js';
import { isDeployError } from '@deploy-tools/shared/errors.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { archiveOf, LIVED_IN, stateBytes } from './original-state.js';

function entriesOf(name: Parameters<typeof stateBytes>[0]): BoltEntry[] {
  const bytes = stateBytes(name);
  const read = (offset: number, length: number) => bytes.subarray(offset, offset + length);
  return [...walkBolt(read, readBoltMeta(read))];
}

/** The entry at these names, with another value. */
function withValue(names: readonly string[], change: (text: string) => string): BoltEntry[] {
  const wanted = names.join('/');
  return entriesOf('lived-in').map((entry) => {
    if (entry.value === undefined || [...entry.path, entry.key].join('/') !== wanted) return entry;
    return { ...entry, value: Buffer.from(change(entry.value.toString())) };
  });
}

const CODE = ['components', 'code', 'byVersion', 'v 02'];
const CURRENT = ['configs', 'project1', 'current'];

describe('readGoState', () => {
  test('nothing', () => {
    expect(readGoState([])).toEqual({ versions: [], configurations: [], warnings: [] });
  });

  test('versions in order of creation, to the nanosecond', () => {
    const { versions, warnings } = readGoState(entriesOf('lived-in'));
    expect(versions.map(({ component, version }) => [component, version])).toEqual([
      ['config', 'v01'],
      ['code', 'v 02'],
      ['config', 'v02'],
      ['Компонент один', 'версия "1" ñ'],
      ['a component', '2:1'],
    ]);
    expect(versions.map(({ component, version }) => archiveOf(component, version).hash)).toEqual(
      versions.map(({ hash }) => hash),
    );
    expect(versions).toHaveLength(LIVED_IN.length);
    expect(warnings).toEqual([]);
  });

  test('each state of a configuration once, the current one last', () => {
    const { configurations } = readGoState(entriesOf('lived-in'));
    const seen = configurations.map(({ name, revisions }) => [
      name,
      revisions.map(({ layers }) => layers.map(({ version }) => version).join(' + ')),
    ]);
    expect(seen).toEqual([
      ['project1', ['v01 + v01', 'v 02 + v01', 'v 02 + v02', 'v 02 + v01']],
      ['проект 2', ['версия "1" ñ + 2:1 + v 02']],
    ]);
  });

  test('a current state that is older than others (a clock was set back) is the last all the same', () => {
    const entries = withValue(CURRENT, (text) =>
      text.replace(/"Mtime": "[^"]+"/, '"Mtime": "2001-01-01T00:00:00Z"'),
    );
    const revisions = readGoState(entries).configurations[0]?.revisions;
    expect(revisions).toHaveLength(5);
    expect(revisions?.at(-1)?.mtime.iso).toBe('2001-01-01T00:00:00.000Z');
  });

  test.each([
    [CODE, () => '{', 'version "v 02" of component "code" cannot be read: the version is not valid JSON'],
    [CODE, () => '[]', /cannot be read: the version is malformed/],
    [CODE, (text: string) => text.replace('"code"', '"other"'), /it has the name of another entry/],
    [CODE, (text: string) => text.replace(/"Hash":"./, '"Hash":"X'), /Hash of the version is malformed/],
    [CODE, (text: string) => text.replace(/"Ctime":"2/, '"Ctime":"x'), /is not a time/],
    [CURRENT, () => '', /configuration "project1" cannot be read: the configuration is not valid JSON/],
    [CURRENT, (text: string) => text.replace(/"Hash": "./, '"Hash": "0'), /is not the hash of its layers/],
    [CURRENT, (text: string) => text.replace('project1', 'project2'), /it has the name of another entry/],
  ])('damage to %j', (names, change, message) => {
    expect(() => readGoState(withValue(names, change))).toThrow(message);
  });

  test('damage to an earlier state costs that state only', () => {
    const whole = entriesOf('lived-in');
    const at = whole.findIndex(({ path, key }) => path[1]?.toString() === 'project1' && key.includes('#'));
    const entries = whole.with(at, { path: [], key: Buffer.alloc(0), ...whole[at], value: Buffer.from('?') });
    const { configurations, warnings } = readGoState(entries);
    expect(configurations[0]?.revisions).toHaveLength(3);
    expect(warnings).toEqual([expect.stringMatching(/^the state "2017-.*left out of the history$/)]);
  });

  test('a configuration without a current state is left out, with a warning', () => {
    const entries = entriesOf('one-of-each').filter(({ key }) => key.toString() !== 'current');
    expect(readGoState(entries)).toMatchObject({
      configurations: [],
      warnings: ['configuration "project1" has no current state; it is left out'],
    });
  });

  test('any entries: a state or an error that says corrupt', () => {
    const word = fc.constantFrom(
      'components',
      'configs',
      'a',
      'byVersion',
      'byTime',
      'current',
      'x#y',
      '\xff',
    );
    const entry = fc
      .record({ path: fc.array(word, { maxLength: 3 }), key: word, value: fc.option(fc.json()) })
      .map(({ path, key, value }) => ({
        path: path.map((part) => Buffer.from(part, 'latin1')),
        key: Buffer.from(key, 'latin1'),
        ...(value === null ? {} : { value: Buffer.from(value) }),
      }));
    fc.assert(
      fc.property(fc.array(entry), (entries) => {
        try {
          return Array.isArray(readGoState(entries).versions);
        } catch (error) {
          return isDeployError(error, 'corrupt');
        }
      }),
    );
  });
});
