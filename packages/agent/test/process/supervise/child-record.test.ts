import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readChildren, writeChildren } from '@deploy-tools/agent/process/supervise/child-record.js';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { testScope } from '../../../../../test/support/scope.js';
import { tempDir } from '../../../../../test/support/temp-dir.js';

const path = () => join(tempDir(testScope()), 'programs.json');

it('what was written is read', () => {
  const record = path();
  const children = [
    { process: 'boot 1 2', generation: 1 },
    { process: 'boot 3 4', generation: 2 },
  ];
  writeChildren(record, children);
  expect(readChildren(record)).toEqual(children);
});

it('without programs there is no record', () => {
  const record = path();
  expect(readChildren(record)).toEqual([]);
  writeChildren(record, [{ process: 'x', generation: 1 }]);
  writeChildren(record, []);
  expect(existsSync(record)).toBe(false);
});

it('a damaged record names nothing, or only what it can name', () => {
  const record = path();
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc.json().map((json) => `{"children":[${json}]}`),
      ),
      (text) => {
        writeFileSync(record, text);
        for (const child of readChildren(record)) expect(typeof child.process).toBe('string');
      },
    ),
  );
});
