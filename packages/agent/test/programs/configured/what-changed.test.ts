import {
  type ConfigFile,
  parseConfigFile,
} from '@deploy-tools/agent/programs/configured/read-config-file.js';
import { changeOf, clash, keysForRestart } from '@deploy-tools/agent/programs/configured/what-changed.js';
import { beforeEach, expect, it } from 'vitest';
import { programsInPath } from '../../../../../test/support/programs-in-path.js';
import { testScope } from '../../../../../test/support/scope.js';

beforeEach(() => programsInPath(testScope(), { rsync: '' }));

function fileOf(shared: string, one = '', other = ''): ConfigFile {
  const entries = `configurations:\n  - {name: one, ${one}}\n  - {name: other, ${other}}\n`;
  return parseConfigFile(`addr: registry:2022\ndir: /srv\n${shared}\n${entries}`, 'agent.yml');
}

function oneOf(shared: string, one = '') {
  const found = fileOf(shared, one).configurations.get('one');
  if (found === undefined) throw new Error('there is no "one"');
  return found;
}

const PROGRAM = 'command: [bin/server], port: [8080]';

it.each([
  ['labels: { zone: newer }', PROGRAM, 'nothing'],
  ['host: web1', PROGRAM, 'nothing'],
  ['max-bandwidth: 1MB', PROGRAM, 'nothing'],
  ['', PROGRAM, 'nothing'],
  ['poll: 1m', PROGRAM, 'settings'],
  ['', `${PROGRAM}, healthy-deadline: 2m`, 'settings'],
  ['', `${PROGRAM}, hook-pre: /bin/true, keep: 9, script: /bin/true`, 'settings'],
  ['', 'command: [bin/other], port: [8080]', 'everything'],
  ['', 'command: [bin/server], port: [8081]', 'everything'],
  ['', `${PROGRAM}, stop-timeout: 1s`, 'everything'],
  ['', `${PROGRAM}, dir: /elsewhere`, 'everything'],
])('with "%s" and "%s" there is for a configuration to change: %s', (shared, one, change) => {
  expect(changeOf(oneOf('', PROGRAM), oneOf(shared, one))).toBe(change);
});

it('tells what needs a restart of the agent, and nothing else', () => {
  const before = fileOf('').shared;
  expect(keysForRestart(before, fileOf('poll: 1m\nlabels: { zone: a }', 'keep: 9').shared)).toEqual([]);
  expect(keysForRestart(before, fileOf('fp: SHA256:x\nwatch: false\nhost: web1').shared).sort()).toEqual([
    'fp',
    'host',
    'watch',
  ]);
});

it.each([
  ['', '', false],
  ['port: [80], command: [a]', 'port: [80], command: [a]', true],
  ['dest: /www/a', 'dest: /www/b', false],
  ['dest: /www', 'dir: /www/b', true],
])('"%s" and "%s" need the same: %s', (one, other, expected) => {
  const elsewhere = other.includes('dir:') ? other : `dir: /elsewhere, ${other}`;
  expect(clash(oneOf('', one), oneOf('', elsewhere))).toBe(expected);
});
