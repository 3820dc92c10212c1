import { closestWord } from '@deploy-tools/shared/cli/closest-word.js';
import { expect, it } from 'vitest';

const KNOWN = ['script', 'script-timeout', 'state', 'dest', 'dir', 'user', 'health-http', 'health-tcp'];

it.each([
  ['scirpt', 'script'],
  ['sript', 'script'],
  ['scripts', 'script'],
  ['stat', 'state'],
  ['usre', 'user'],
  ['health-htp', 'health-http'],
  ['script', 'script'],
  ['colour', undefined],
  ['x', undefined],
  ['', undefined],
  ['dis', 'dir'],
])('of "%s" it is %s', (written, meant) => {
  expect(closestWord(written, KNOWN)).toBe(meant);
});
