import {
  type AgentConfig,
  decodeConfigJson,
  encodeConfigJson,
  MAX_LAYERS,
  toAgentConfig,
} from '@deploy-tools/shared/config-json.js';
import { configurationHash } from '@deploy-tools/shared/model.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { kindOf } from './support/kind-of.js';

const text = fc.string({ minLength: 1, unit: 'grapheme' }).filter((value) => !value.includes('\0'));
const hex = fc.stringMatching(/^[0-9a-f]{64}$/);
const layer = fc
  .record(
    { name: text, version: text, hash: hex, ctime: text, size: fc.nat(), manifest: hex },
    { requiredKeys: ['name', 'version', 'hash', 'ctime'] },
  )
  .map((fields) => ({ ...fields, file: `files/${fields.hash}` }));
const anyConfig: fc.Arbitrary<AgentConfig> = fc
  .record(
    { name: text, mtime: text, revision: fc.nat(), layers: fc.array(layer, { minLength: 1, maxLength: 6 }) },
    { requiredKeys: ['name', 'mtime', 'layers'] },
  )
  .map((fields) => ({ ...fields, hash: configurationHash(fields.layers.map((one) => one.hash)) }));

const HASH = 'ab'.repeat(32);
const VALID = {
  Name: 'project1',
  Mtime: '2017-03-01T11:28:18.123456789Z',
  Hash: configurationHash([HASH]),
  Layers: [
    { Name: 'code', Version: 'v01', File: `files/${HASH}`, Hash: HASH, Ctime: '2017-03-01T11:23:36.1Z' },
  ],
};

test('reads back any configuration', () => {
  fc.assert(
    fc.property(anyConfig, (config) => {
      expect(decodeConfigJson(encodeConfigJson(config))).toEqual(config);
    }),
  );
});

test('writes what the original does, byte for byte, when it has nothing of ours', () => {
  const config = decodeConfigJson(JSON.stringify(VALID));
  expect(encodeConfigJson(config)).toBe(`${JSON.stringify(VALID, null, '\t')}\n`);
});

test('writes keys of ours after those of the original', () => {
  const version = {
    component: 'code',
    version: 'v01',
    hash: HASH,
    size: 7,
    created: '2017-03-01T11:23:36.100Z',
  };
  const configuration = { name: 'p', revision: 3, mtime: 'm', hash: VALID.Hash, layers: [version] };
  const manifestOf = (archive: string) => (archive === HASH ? 'cd'.repeat(32) : undefined);
  const json = encodeConfigJson(toAgentConfig(configuration, manifestOf));
  const parsed = JSON.parse(json) as { Layers: object[] };
  expect(Object.keys(parsed)).toEqual(['Name', 'Mtime', 'Hash', 'Layers', 'Revision']);
  expect(Object.keys(parsed.Layers[0] ?? {})).toEqual([
    ...['Name', 'Version', 'File', 'Hash', 'Ctime', 'Size', 'Manifest'],
  ]);
  expect(encodeConfigJson(toAgentConfig(configuration, () => undefined))).not.toContain('Manifest');
});

describe('what is refused', () => {
  test('any garbage is corrupt, and nothing else', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (garbage) => {
        expect(kindOf(() => decodeConfigJson(garbage))).toBe('corrupt');
      }),
    );
    expect(kindOf(() => decodeConfigJson('['.repeat(200_000)))).toBe('corrupt');
  });

  test('a valid configuration with any one value exchanged is read alike or corrupt', () => {
    const paths = ['Name', 'Mtime', 'Hash', 'Layers', 'Revision', 'Extra'];
    const layerPaths = ['Name', 'Version', 'File', 'Hash', 'Ctime', 'Size', 'Manifest', 'Extra'];
    fc.assert(
      fc.property(
        fc.constantFrom(...paths),
        fc.constantFrom(...layerPaths),
        fc.jsonValue(),
        fc.boolean(),
        (key, inner, value, deep) => {
          const config = deep
            ? { ...VALID, Layers: [{ ...VALID.Layers[0], [inner]: value }] }
            : { ...VALID, [key]: value };
          expect(['corrupt', 'nothing thrown']).toContain(
            kindOf(() => decodeConfigJson(JSON.stringify(config))),
          );
        },
      ),
    );
  });

  test.each([
    ['Name', { ...VALID, Name: '' }],
    ['Name', { ...VALID, Name: 'a\0b' }],
    ['Mtime', { ...VALID, Mtime: 1 }],
    ['Hash', { ...VALID, Hash: '../../etc' }],
    ['Layers', { ...VALID, Layers: [] }],
    ['Layers', { ...VALID, Layers: {} }],
    ['Layers', { ...VALID, Layers: Array.from({ length: MAX_LAYERS + 1 }, () => VALID.Layers[0]) }],
    ['Layers[0]', { ...VALID, Layers: [null] }],
    ['Layers[0].Hash', { ...VALID, Layers: [{ ...VALID.Layers[0], Hash: HASH.toUpperCase() }] }],
    ['Layers[0].Version', { ...VALID, Layers: [{ ...VALID.Layers[0], Version: undefined }] }],
  ])('the message names %s', (key, json) => {
    expect(() => decodeConfigJson(JSON.stringify(json))).toThrow(
      new RegExp(`^${key.replace(/[[\]]/g, '\\$&')} of the configuration is (missing|malformed)`),
    );
  });

  test('layers that are not those of the hash', () => {
    const other = [...VALID.Layers, ...VALID.Layers];
    expect(() => decodeConfigJson(JSON.stringify({ ...VALID, Layers: other }))).toThrow(
      'not the hash of its layers',
    );
  });
});

test('keys of a later version are ignored', () => {
  const later = {
    ...VALID,
    Policy: { a: 1 },
    Revision: -1,
    Layers: [{ ...VALID.Layers[0], Manifest: 'x', Size: 1.5 }],
  };
  expect(decodeConfigJson(JSON.stringify(later))).toEqual(decodeConfigJson(JSON.stringify(VALID)));
});
