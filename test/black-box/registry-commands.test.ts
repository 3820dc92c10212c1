import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { COMMAND_SPECS } from '@deploy-tools/shared/commands/command-specs.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Archive, addVersion, makeTar } from '../support/archive.js';
import type { RunResult } from '../support/run.js';
import { fileScope } from '../support/scope.js';
import { overOneConnection, startWorld, type World } from '../support/world.js';

const scope = fileScope();
let world: World;
let first: Archive;
let second: Archive;

beforeAll(async () => {
  world = await overOneConnection(scope, await startWorld(scope));
  first = makeTar(join(world.root, 'first'), randomBytes(100));
  second = makeTar(join(world.root, 'second'), randomBytes(200));
  await addVersion(world.operator, first, 'code', 'v1');
  await addVersion(world.operator, second, 'code', 'v2');
  await addVersion(world.operator, first, 'config', 'v1');
});

const exec = (line: string) => world.operator.exec(line);

async function ok(line: string): Promise<string> {
  const answer = await exec(line);
  expect(answer.status, `${line}: ${answer.stderr}`).toBe(0);
  expect(answer.stderr).toBe('');
  return answer.stdout;
}

async function json(line: string) {
  return JSON.parse(await ok(`${line} -json`));
}

/** Errors are on standard error, with status 1, and nothing on standard output. */
async function fails(line: string, message: string | RegExp): Promise<RunResult> {
  const answer = await exec(line);
  expect(answer.status, line).toBe(1);
  expect(answer.stdout, line).toBe('');
  if (typeof message === 'string') expect(answer.stderr, line).toContain(message);
  else expect(answer.stderr, line).toMatch(message);
  expect(answer.stderr).not.toMatch(/^\s+at /m);
  return answer;
}

describe('both forms of each command', () => {
  it('addver', async () => {
    await ok(`addver -name a -version 1 -hash ${first.hash}`);
    await ok(`addver --name=a --version="2" -hash=${first.hash.toUpperCase()}`);
    await ok(`addver a:3 ${first.hash}`);
    await ok(`addver -hash ${first.hash} a:with:colons`);
    expect(await json(`addver a:4 ${first.hash}`)).toMatchObject({
      component: 'a',
      version: '4',
      hash: first.hash,
      size: first.size,
      new: true,
    });
    expect((await json('showcomp a')).map((row: { version: string }) => row.version)).toEqual([
      '1',
      '2',
      '3',
      'with:colons',
      '4',
    ]);
    await fails(
      `addver a:1 ${second.hash}`,
      'version "1" of component "a" already exists, with other content',
    );
    expect(await ok(`addver a:1 ${first.hash}`)).toBe(
      'version "1" of component "a" is there already, with the same content\n',
    );
    expect(await json(`addver a:1 ${first.hash}`)).toMatchObject({ version: '1', new: false });
    await fails(`addver -new a:1 ${first.hash}`, 'already exists, with the same content');
    await fails('addver a 5', 'invalid argument "a" (write it as COMPONENT:VERSION)');
    await fails(`addver a:5 ${first.hash} more`, 'unexpected argument "more"');
    await fails('addver -name a -version 5', 'name, version and hash should all be set');
    await fails('addver a:5 xyz', '64 chars long');
  });

  it('addconf and replaceconf', async () => {
    await ok('addconf -name p1 -layer code:v1 -layer config:v1');
    await ok('addconf p2 code:v1 config:v1');
    const [one, two] = [await json('showconf p1'), await json('showconf p2')];
    expect(one.hash).toBe(two.hash);
    expect(one).toMatchObject({ revision: 1, layers: [{ component: 'code' }, { component: 'config' }] });
    const dropping = await exec('addconf p1 code:v2 -json');
    expect(dropping.status).toBe(0);
    expect(JSON.parse(dropping.stdout)).toMatchObject({ revision: 2, layers: [{ version: 'v2' }] });
    expect(dropping.stderr).toContain('with other components: code v1→v2, -config v1 (to undo it run: ');
    expect(await json('addconf p1 code:v2')).toMatchObject({ revision: 2 });
    expect(await json('replaceconf p1 config:v1 code:v1')).toMatchObject({
      revision: 3,
      layers: [{ component: 'config' }, { component: 'code' }],
    });
    await ok('replaceconf -name p1 -layer code:v1 -layer config:v1');
    await fails('replaceconf nosuch code:v1', 'configuration "nosuch" not found');
    await fails('replaceconf p1', 'at least one layer');
    await fails('addconf p3', 'at least one layer');
    await fails('addconf p3 code:v1 code:v2', 'duplicate component "code"');
    await fails('addconf p3 code:v9', 'no version "v9" for component "code" found');
    await fails('addconf p3 code:', 'invalid layer "code:"');
    await fails('addconf -layer code:v1', 'name should be set');
  });

  it('changeconf and bumpconf', async () => {
    await ok('addconf p4 code:v1 config:v1');
    await ok('changeconf p4 code:v2');
    expect((await json('showconf p4')).layers[0].version).toBe('v2');
    await ok('changeconf -name p4 -component code -version v1');
    const before = await json('showconf p4');
    await ok('changeconf p4 code:v1');
    expect(await json('showconf p4')).toEqual(before);
    const undo = await ok('bumpconf p4 code');
    expect(undo).toContain('changeconf -name="p4" -component="code" -version="v1"');
    expect((await json('showconf p4')).layers[0].version).toBe('v2');
    await ok(undo.trim().split('\n').at(-1)?.trim() ?? '');
    expect((await json('showconf p4')).layers[0].version).toBe('v1');
    expect(await json('bumpconf -name p4 -component code')).toMatchObject({
      undo: expect.stringContaining('v1'),
    });
    expect(await ok('bumpconf p4 code')).toBe('');
    await fails('changeconf p4 a:1', 'configuration has no layer for component "a"');
    await fails('changeconf nosuch code:v1', 'configuration "nosuch" not found');
    await fails('changeconf p4 code:v9', 'no version "v9"');
    await fails('changeconf p4', 'name, component and version should all be set');
    await fails('bumpconf p4 nosuch', 'no component "nosuch" found');
    await fails('bumpconf p4', 'should both be set');
  });

  it('showconf, showcomp, components, configurations', async () => {
    await ok('addconf p5 code:v1');
    const verbose = await ok('showconf -v p5');
    expect(verbose).toMatch(
      /^Name:\tp5\nMtime:\t\S+Z\nHash:\t[0-9a-f]{64}\nRevision:\t1\n\ncode {3}v1 {3}\S+Z {3}\n$/,
    );
    expect(await ok('showconf -name p5 -v=false')).toMatch(/^code/);
    expect(await ok('showcomp code')).toMatch(/^\S+Z {3}v1 {3}\n\S+Z {3}v2 {3}\n$/);
    expect(await json('components')).toEqual((await ok('components')).trim().split('\n'));
    expect(await json('configurations')).toContain('p5');
    expect(await json('showcomp nosuch')).toEqual([]);
    await fails('showconf', 'name should be set');
    await fails('components extra', 'unexpected argument "extra"');
  });

  it('delver, delcomp, delconf', async () => {
    await ok(`addver gone:1 ${first.hash}`);
    await ok(`addver gone:2 ${first.hash}`);
    await ok('addconf p6 gone:1');
    await fails('delver gone:1', 'version is used by configuration "p6"');
    await fails('delcomp gone', 'component is used by configuration "p6"');
    await ok('delver gone:2');
    await fails('delver -name gone -version 2', 'no version "2"');
    await fails('delconf p6', 'with -force flag to confirm');
    expect(await json('delconf p6 -force')).toMatchObject({ name: 'p6' });
    await fails('delconf -name p6 -force=true', '"p6" configuration not found');
    expect(await json('delcomp -name gone')).toMatchObject([{ version: '1' }]);
    await fails('delcomp gone', '"gone" component not found');
    expect(await json('addconf p6 code:v1')).toMatchObject({ revision: 3 });
  });
});

describe('every command of the table', () => {
  it.each(COMMAND_SPECS.map(({ name }) => name))(
    '%s -h: usage, a summary, examples, status 1',
    async (name) => {
      for (const flag of ['-h', '-help', '--help']) {
        const answer = await exec(`${name} ${flag}`);
        expect(answer.status).toBe(1);
        expect(answer.stdout).toMatch(new RegExp(`^Usage of ${name}:\n`));
        expect(answer.stdout).toContain('examples:');
      }
      expect(await ok(`help ${name}`)).toMatch(new RegExp(`^Usage of ${name}:\n`));
    },
  );

  it.each(COMMAND_SPECS.map(({ name }) => name))('%s refuses unknown flags, with its usage', async (name) => {
    const { stderr } = await fails(`${name} -nosuch`, 'flag provided but not defined: -nosuch');
    expect(stderr).toContain(`Usage of ${name}:`);
  });

  it('help lists them all, one line each, as JSON too', async () => {
    const lines = (await ok('help')).split('\n');
    for (const { name, summary } of COMMAND_SPECS)
      expect(lines.filter((line) => line.startsWith(`${name} `) && line.endsWith(summary))).toHaveLength(1);
    expect((await json('help')).map(({ name }: { name: string }) => name)).toEqual(
      COMMAND_SPECS.map(({ name }) => name),
    );
    await fails('help nosuch', 'unknown command "nosuch"');
  });
});

describe('names', () => {
  it.each([
    'two words',
    'ü',
    '日本語',
    '😀',
    "it's",
    'a"b',
    'back\\slash',
    '$HOME',
    '`id`',
    '-dash',
    'a;b',
    '*',
    '#1',
    '%s',
    '"quoted"',
    '[1]',
    '__proto__',
  ])('may be %j: component, version and configuration', async (name) => {
    const quoted = `"${name.replace(/(["\\])/g, '\\$1')}"`;
    await ok(`addver -name=${quoted} -version=${quoted} -hash=${first.hash}`);
    await ok(`addconf -name=${quoted} -layer="${`${name}:${name}`.replace(/(["\\])/g, '\\$1')}"`);
    expect(await json(`showconf -name=${quoted}`)).toMatchObject({
      name,
      layers: [{ component: name, version: name }],
    });
    expect((await ok('components')).split('\n')).toContain(name);
    const [layer] = (await world.agent.sftp(`ls -1 configs\n`)).stdout
      .split('\n')
      .filter((line) => line.endsWith(`${name}.json`));
    expect(layer).toBeDefined();
    await ok(`delconf -name=${quoted} -force`);
    await ok(`delcomp -name=${quoted}`);
  });

  it.each([
    ['a control character', 'a\x07b', 'control characters'],
    ['an escape sequence', 'a\x1b[31mb', 'control characters'],
    ['a newline', 'a\nb', 'control characters'],
    ['a bidirectional override', 'a\u202eb', 'control characters'],
    ['bytes that are not UTF-8', 'a\ufffdb', 'control characters'],
    ['a space at its end', 'a ', 'begin or end with a space'],
    ['only dots', '..', 'cannot be "..'],
    ['201 bytes', 'x'.repeat(201), 'longer than 200 bytes'],
    ['nothing', '', 'should all be set'],
  ])('may not be %s', async (_, name, message) => {
    await fails(`addver -name="${name}" -version=v -hash=${first.hash}`, message);
    await fails(`addver -name=c -version="${name}" -hash=${first.hash}`, message);
    const { stderr } = await fails(
      `addconf -name="${name}" -layer=code:v1`,
      name === '' ? 'should be set' : message,
    );
    for (const char of ['\x07', '\x1b', '\u202e']) expect(stderr).not.toContain(char);
  });

  it('of components have no colon, of configurations no slash', async () => {
    await fails(`addver -name a:b -version 1 -hash ${first.hash}`, 'name cannot contain : symbol');
    await fails('addconf a/b code:v1', 'name cannot contain / symbol');
    await fails('addconf ../x code:v1', 'name cannot contain / symbol');
  });
});

describe('command lines', () => {
  it.each([
    ['', 'nothing to do'],
    ["''", 'Unknown command'],
    ['"', 'invalid command line string'],
    ["addver 'x", 'invalid command line string'],
    ['addver x\\', 'invalid command line string'],
    ['ADDVER', 'Unknown command'],
    ['-h', 'Unknown command'],
    ['components; id', 'Unknown command'],
    ['components | id', 'unexpected argument'],
    ['components $(id)', 'unexpected argument'],
    ['sftp-server', 'Unknown command'],
    ['scp -t /etc', 'Unknown command'],
    ['constructor', 'Unknown command'],
    ['addver -name', 'flag needs an argument: -name'],
    ['showconf -v=perhaps p1', 'invalid value "perhaps" for flag -v'],
    ['audit -limit many', 'invalid value "many" for flag -limit'],
    ['audit -limit 0', 'limit should be between'],
    ['audit -since yesterday', 'invalid duration "yesterday"'],
    ['audit -since 2026-99-99', 'invalid time'],
  ])('%j is refused', async (line, message) => {
    const answer = line === '' ? await world.operator.lines("''\n") : await exec(line);
    expect(answer.status).toBe(1);
    if (line !== '') expect(answer.stderr).toContain(message);
  });

  it('as long as SSH carries them', async () => {
    const long = await fails(
      `addver -name ${'x'.repeat(30_000)} -version 1 -hash ${first.hash}`,
      'longer than 200 bytes',
    );
    expect(long.stderr.length).toBeLessThan(2000);
    const layers = Array.from({ length: 501 }, (_, index) => `c${index}:v`).join(' ');
    await fails(`addconf many ${layers}`, 'at most 500 layers');
    expect((await exec('components')).status).toBe(0);
  });
});
