import { closeSync, readFileSync } from 'node:fs';
import { DeployLog } from '@deploy-tools/agent/programs/deploy-file/deploy-log.js';
import { expect, it, onTestFinished } from 'vitest';

function read(log: DeployLog): string {
  const fd = log.reader();
  try {
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

it('is read from its beginning by each reader, and is bounded', () => {
  let written = '';
  const log = new DeployLog((text) => {
    written += text;
  }, 100);
  onTestFinished(() => log.close());
  log.line('one');
  log.line('two');
  expect([read(log), read(log)]).toEqual([written, written]);
  expect(written).toMatch(/^\S+Z one\n\S+Z two\n$/);
  for (let line = 0; line < 10; line++) log.line('more');
  expect(read(log)).toMatch(/Z one\n.*Z more\nwhat came after 100 B is not here\n$/s);
  expect(written.match(/more/g)).toHaveLength(10);
});
