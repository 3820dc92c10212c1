import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readState, writeState } from '@deploy-tools/agent/deploy/state-file.js';
import { isDeployError } from '@deploy-tools/shared/errors.js';
import { configurationHash } from '@deploy-tools/shared/model.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { testScope } from '../../../../test/support/scope.js';
import { tempDir } from '../../../../test/support/temp-dir.js';
import { configOf } from '../agent-context.js';

const HASH = 'c'.repeat(64);
const CONFIG = configOf({ hash: HASH, size: 12 });

/** As the Go original writes it. */
const ORIGINAL = `{
\t"Name": "project1",
\t"Mtime": "2017-03-01T11:28:18.123456789Z",
\t"Hash": "${configurationHash([HASH])}",
\t"Layers": [
\t\t{
\t\t\t"Name": "code",
\t\t\t"Version": "v01",
\t\t\t"File": "files/${HASH}",
\t\t\t"Hash": "${HASH}",
\t\t\t"Ctime": "2017-03-01T11:23:36.1Z"
\t\t}
\t]
}
`;

const statePath = () => join(tempDir(testScope()), 'state.json');

describe('the state file', () => {
  it('is none on a new host', () => {
    expect(readState(statePath())).toBeUndefined();
  });

  it('is read back as it was written', () => {
    const path = statePath();
    writeState(path, CONFIG);
    expect(readState(path)).toEqual(CONFIG);
  });

  it('of the original is read, and what it does not know is absent', () => {
    const path = statePath();
    writeFileSync(path, ORIGINAL);
    const state = readState(path);
    expect(state).toMatchObject({
      name: 'project1',
      hash: configurationHash([HASH]),
      layers: [{ name: 'code' }],
    });
    expect(state?.revision).toBeUndefined();
    expect(state?.layers[0]?.size).toBeUndefined();
  });

  it('has the keys of the original, written as it writes them', () => {
    const path = statePath();
    writeState(path, CONFIG);
    const text = readFileSync(path, 'utf8');
    expect(text).toMatch(
      /^\{\n\t"Name": "project",\n\t"Mtime": "[^"]+",\n\t"Hash": "[0-9a-f]{64}",\n\t"Layers": \[\n/,
    );
    expect(text.endsWith('}\n')).toBe(true);
  });

  it('is replaced at once: a failed write leaves the old one and nothing beside it', () => {
    const path = statePath();
    writeState(path, CONFIG);
    const impossible = { ...CONFIG, layers: [{ ...CONFIG.layers[0], size: 1n }] } as unknown as typeof CONFIG;
    expect(() => writeState(path, impossible)).toThrow();
    expect(readState(path)).toEqual(CONFIG);
    writeState(path, configOf({ hash: 'd'.repeat(64), size: 1 }));
    expect(readdirSync(join(path, '..'))).toEqual(['state.json']);
  });

  it('that is damaged is an error that says so, where, and what to do', () => {
    const path = statePath();
    for (const text of [
      '',
      '{',
      '[]',
      'null',
      '{"Name":"x"}',
      ORIGINAL.slice(0, -10),
      ORIGINAL.replace(/"Hash": "./, '"Hash": "0'),
    ]) {
      writeFileSync(path, text);
      expect(errorOf(path)).toMatchObject({ kind: 'corrupt', hint: expect.stringContaining('remove it') });
      expect(errorOf(path).message).toContain(`the state file ${path} is damaged`);
    }
  });

  it('is either read in full or refused, whatever is in it', () => {
    const path = statePath();
    const oneByteOff = fc.tuple(
      fc.nat({ max: ORIGINAL.length - 1 }),
      fc.string({ minLength: 1, maxLength: 1 }),
    );
    fc.assert(
      fc.property(fc.oneof(fc.json(), oneByteOff), (damage) => {
        const text =
          typeof damage === 'string'
            ? damage
            : ORIGINAL.slice(0, damage[0]) + damage[1] + ORIGINAL.slice(damage[0] + 1);
        writeFileSync(path, text);
        try {
          expect(readState(path)?.layers.map(({ hash }) => hash)).toEqual([HASH]);
        } catch (error) {
          if (!isDeployError(error, 'corrupt')) throw error;
        }
      }),
    );
  });

  it('that cannot be read is not taken for none', () => {
    const path = statePath();
    mkdirSync(path);
    expect(() => readState(path)).toThrow(/is not a regular file/);
  });
});

function errorOf(path: string): Error {
  try {
    readState(path);
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('it was read');
}
