import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pointCurrent } from '@deploy-tools/agent/place/current-link.js';
import { expect, it } from 'vitest';
import { testScope } from '../../../../test/support/scope.js';
import { tempDir } from '../../../../test/support/temp-dir.js';

/** Reads the link until it leads to `end`. Prints when it begins, and what went wrong. */
const READER = `
const { readlinkSync } = require('node:fs');
console.log('reads');
for (let target = ''; target !== 'releases/end'; )
  try {
    target = readlinkSync(process.argv[1]);
  } catch (error) {
    console.log(error.code);
    break;
  }`;

it('"current" is replaced in one step: a reader finds one release or the other', async () => {
  const dir = tempDir(testScope());
  const current = join(dir, 'current');
  const to = (release: string) => pointCurrent(current, join(dir, 'releases', release));
  to('a');
  const reader = spawn(process.execPath, ['-e', READER, current], { stdio: ['ignore', 'pipe', 'inherit'] });
  const said: string[] = [];
  reader.stdout.setEncoding('utf8').on('data', (text: string) => said.push(text));
  await once(reader.stdout, 'data');
  for (let time = 0; time < 100; time += 1) to(time % 2 === 0 ? 'b' : 'a');
  to('end');
  await once(reader, 'close');
  expect(said.join('')).toBe('reads\n');
  expect(readlinkSync(current)).toBe('releases/end');
});

it('"current" that is no link is an error, and stays', () => {
  const current = join(tempDir(testScope()), 'current');
  mkdirSync(current);
  writeFileSync(join(current, 'file'), '');
  expect(() => pointCurrent(current, join(current, '../releases/a'))).toThrow(
    /EISDIR|EEXIST|ENOTEMPTY|ENOTDIR/,
  );
});
