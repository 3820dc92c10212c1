import { parseConfigFile } from '@deploy-tools/agent/programs/configured/read-config-file.js';
import { isDeployError } from '@deploy-tools/shared/errors.js';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { programsInPath } from '../../../../../test/support/programs-in-path.js';
import { testScope } from '../../../../../test/support/scope.js';
import { tempDir } from '../../../../../test/support/temp-dir.js';
import { makeTree } from '../../../../../test/support/tree.js';

function mistakeIn(text: string): string {
  try {
    parseConfigFile(text, 'agent.yml');
  } catch (error) {
    if (isDeployError(error, 'usage')) return error.message;
    throw error;
  }
  throw new Error('there is no mistake');
}

const GOOD = `
addr: registry:2022
dir: /srv
labels: { zone: a }
poll: 10s
max-bandwidth: 10MB
configurations:
  - name: one
    keep: 3
    dest: /var/www/one
    sync: release
    exclude: [cache/, "*.log"]
    dest-mode: 0750
    random-delay: 1m
  - name: two
    dir: /srv/second
    port: [8080, "localhost:8081"]
    command: [bin/server, -x]
    health-exec: test -e ok
`;

describe('the file of several configurations', () => {
  beforeEach(() => programsInPath(testScope(), { rsync: '' }));

  it('says what the flags say', () => {
    const { shared, configurations } = parseConfigFile(GOOD, 'agent.yml');
    expect(shared).toMatchObject({ addr: 'registry:2022', dir: '/srv', label: ['zone=a'], poll: 10_000 });
    expect([...configurations.keys()]).toEqual(['one', 'two']);
    expect(configurations.get('one')?.flags).toMatchObject({
      ...{ dir: '/srv/one', state: '/srv/one/state.json', keep: 3, poll: 10_000, addr: 'registry:2022' },
    });
    expect(configurations.get('one')?.flags).toMatchObject({
      ...{ dest: '/var/www/one', sync: 'release', exclude: ['cache/', '*.log'], 'dest-mode': '0750' },
      ...{ 'max-bandwidth': 10 * 1024 * 1024, 'random-delay': 60_000 },
    });
    expect(configurations.get('two')).toMatchObject({
      command: ['bin/server', '-x'],
      flags: { dir: '/srv/second', port: ['8080', 'localhost:8081'], 'health-exec': ['test -e ok'] },
    });
  });

  it('has every mistake named with its place', () => {
    const text =
      'addr: r\ncolour: red\nconfigurations:\n  - name: one\n    keep: many\n    once: true\n  - keep: 1\n';
    const words = mistakeIn(text);
    expect(words).toContain('line 2, column 1: there is no key "colour" here');
    expect(words).toContain('line 5, column 11: invalid value "many" for keep');
    expect(words).toContain('line 6, column 5: there is no key "once" here');
    expect(words).toContain('line 7, column 5: name should be set');
  });

  it.each([
    ['a: [', 'line 1'],
    ['a: b: c', 'line 1, column 4: a key and its value have one line'],
    ['configurations\nb: 1', 'line 1, column 1: there is no ":" after a key'],
    ['a:\n\tb: 1', 'a tab is no indentation'],
    ['configurations: [{name: a, scirpt: b}]', 'there is no key "scirpt" here; did you mean script?'],
    [
      'adr: x\nconfigurations: [{name: a, colour: b}]',
      'agent.yml has 2 mistakes:\n  line 1, column 1: there is no key "adr" here; did you mean addr?\n  line 2',
    ],
    ['', 'keys with values are expected'],
    ['configurations: []', 'there are no configurations'],
    ['configurations: [{name: a}, {name: a}]', 'there is another configuration "a"'],
    ['dir: /x\nconfigurations: [{name: a, dir: /x}]', "dir is the agent's own"],
    ['configurations: [{name: a, dir: /x}, {name: b, dir: /x}]', 'dir is that of "a" too'],
    ['configurations: [{name: a, dest: /d}, {name: b, dest: /d/}]', 'dest is that of "a" too'],
    ['dir: /x\nconfigurations: [{name: a, dest: /x/a/b}]', 'are one in the other'],
    [
      'configurations: [{name: a, dest: /d}, {name: b, dest: /d/b}]',
      'dest and that of "a" are one in the other',
    ],
    [
      'configurations: [{name: a, dest: /d/a}, {name: b, dest: /d}]',
      'dest and that of "a" are one in the other',
    ],
    [
      'configurations: [{name: a, dest: /d, sync: release}, {name: b, dest: /d.releases}]',
      'dest is that of "a" too',
    ],
    [
      'dir: /x\nconfigurations: [{name: a, dest: /x/b}, {name: b}]',
      "dest and the agent's own dir /x are one in the other",
    ],
    ['dir: /x\nconfigurations: [{name: a, dir: /y, dest: /}]', 'are one in the other'],
    [
      'dir: /x\nconfigurations: [{name: a, dir: /y/a, dest: /y/b}, {name: b, dir: /y/b/c}]',
      'dir and the dest of "a" are one in the other',
    ],
    [
      'dir: /x\nconfigurations: [{name: a, dir: /y}, {name: b, dir: /z, dest: /y/unpacked}]',
      'dest and the dir of "a" are one in the other',
    ],
    [
      'configurations: [{name: a, dest: /d, state: /d/state.json}]',
      'the state file /d/state.json is in -dest /d',
    ],
    ['configurations: [{name: a, dest: /d}, {name: b, state: /d/b.json}]', 'state is in the dest of "a"'],
    ['configurations: [{name: a, max-bandwidth: 1MB}]', 'no key "max-bandwidth" here'],
    ['configurations: [{name: a, port: [1]}]', '-port is for a program'],
    ['configurations: [{name: a, script: [x]}]', 'script needs one value'],
    ['configurations: [{name: a, name: b}]', 'line 1, column 28'],
    ['x: &x 1\nconfigurations: [{name: *x}]', 'name needs one value'],
  ])('refuses %j', (text, words) => {
    expect(mistakeIn(text)).toContain(words);
  });

  it('looks through symlinks, and leaves alone what is apart', () => {
    const dir = tempDir(testScope());
    makeTree(dir, { 'www/keep': '', link: { link: 'www' } });
    const beside = (dest: string) =>
      `dir: ${dir}/agent\nconfigurations: [{name: a, dest: ${dir}/www/shop}, {name: b, dest: ${dest}}]`;
    expect(mistakeIn(beside(`${dir}/link/shop/x`))).toContain('dest and that of "a" are one in the other');
    expect(parseConfigFile(beside(`${dir}/link/shop2`), 'agent.yml').configurations.size).toBe(2);
  });

  it('says what needs rsync(1) where it is missing', () => {
    programsInPath(testScope(), {});
    const text = 'configurations: [{name: a, dest: /d}, {name: b, dest: /e, sync: release}]';
    expect(mistakeIn(text)).toMatch(/column 18: rsync\(1\) is nowhere in PATH[^;]*$/);
  });

  it('whatever it holds is read or refused in words', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc
        .array(fc.constantFrom('- ', 'name: a', '\n', '  ', 'configurations:', '{', ']', '&a', '*a', '!!x '))
        .map((words) => words.join('')),
    );
    fc.assert(
      fc.property(texts, (text) => {
        try {
          parseConfigFile(text, 'agent.yml');
        } catch (error) {
          expect(isDeployError(error, 'usage')).toBe(true);
        }
      }),
    );
  });
});
