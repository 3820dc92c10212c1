import { complete } from '@deploy-tools/registry/ssh/console/complete.js';
import { splitCommandLine } from '@deploy-tools/shared/cli/command-line.js';
import { COMMAND_SPECS } from '@deploy-tools/shared/commands/command-specs.js';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hashOf } from '../../contract/meta-samples.js';
import {
  AGENT,
  addText,
  OPERATOR,
  openLastingRegistry,
  type TestRegistry,
  upload,
} from '../../support/open-registry.js';
import { playAgent } from '../../support/played-agent.js';

let registry: TestRegistry;

beforeAll(async () => {
  registry = await openLastingRegistry();
  for (const name of ['code', 'config', 'my comp']) await addText(registry, name, 'v1');
  await addText(registry, 'code', 'v 02');
  const layers = [{ component: 'code', version: 'v1' }];
  for (const name of ['project1', 'project2', 'other']) {
    await registry.configurations.put({ author: OPERATOR, command: 'x' }, name, layers);
  }
  for (const host of ['web1', 'web2']) await playAgent(registry, host).hello(['project1']);
  await upload(registry, 'mine');
  await upload(registry, 'not mine', 'SHA256:somebody');
});

afterAll(() => registry.close());

describe('complete', () => {
  test.each([
    ['sho', ['showconf ', 'showcomp '], 'sho'],
    ['  addv', ['addver '], 'addv'],
    ['nosuch ', [], ''],
    ['showconf -', ['-name ', '-v ', '-json '], '-'],
    ['showconf -na', ['-name '], '-na'],
    ['showconf -name pro', ['project1 ', 'project2 '], 'pro'],
    ['showconf -name=pro', ['project1 ', 'project2 '], 'pro'],
    ['showconf --name pro', ['project1 ', 'project2 '], 'pro'],
    ['showconf -v pro', ['project1 ', 'project2 '], 'pro'],
    ['showconf pro', ['project1 ', 'project2 '], 'pro'],
    ['  showconf pro', ['project1 ', 'project2 '], 'pro'],
    ['showconf -json pro', ['project1 ', 'project2 '], 'pro'],
    ['showcomp co', ['code ', 'config '], 'co'],
    ['changeconf project1 con', ['config:'], 'con'],
    ['  changeconf project1 con', ['config:'], 'con'],
    ['changeconf project1 config:', ['config:v1 '], 'config:'],
    ['changeconf -name project1 -component code -version v1', ['v1 '], 'v1'],
    ['changeconf -name project1 -component=config -version ', ['v1 '], ''],
    ['changeconf -name project1 -version ', [], ''],
    ['delver -name config -version ', ['v1 '], ''],
    ['addconf new config:v1 cod', ['code:'], 'cod'],
    ['addconf -layer config:v1 -layer cod', ['code:'], 'cod'],
    ['audit -limit 5', [], '5'],
    ['notify ', ['add ', 'list ', 'test ', 'remove '], ''],
    ['notify add slack://x -event host', ['host-lost ', 'host-recovered '], 'host'],
    ['notify add slack://x -name pro', ['project1 ', 'project2 '], 'pro'],
    ['components x', [], 'x'],
    ['logs project1 w', ['web1 ', 'web2 '], 'w'],
    ['retry project1 -host=', ['web1 ', 'web2 '], ''],
    ['forget web', ['web1 ', 'web2 '], 'web'],
    ['status pro', ['project1 ', 'project2 '], 'pro'],
  ])('%j', async (line, candidates, word) => {
    expect(await complete(registry, OPERATOR, line)).toEqual([candidates, word]);
  });

  test('without a word offers every command of the role', async () => {
    const [candidates] = await complete(registry, OPERATOR, '');
    expect(candidates).toEqual(COMMAND_SPECS.map(({ name }) => `${name} `));
    expect(await complete(registry, AGENT, '')).toEqual([[], '']);
  });

  test('offers the uploads of the same key only', async () => {
    const [candidates] = await complete(registry, OPERATOR, 'addver -hash ');
    expect(candidates).toEqual([`${hashOf('mine')} `]);
  });

  test('a name with a space is one word when it is completed', async () => {
    const line = 'changeconf -name project1 -component code -version v\\ ';
    const [[candidate], word] = await complete(registry, OPERATOR, line);
    const completed = line.slice(0, line.length - word.length) + candidate;
    expect(splitCommandLine(completed).at(-1)).toBe('v 02');
  });

  test('a component with a space is completed to its versions', async () => {
    const first = 'changeconf project1 my\\ c';
    const [[component], word] = await complete(registry, OPERATOR, first);
    const second = first.slice(0, first.length - word.length) + component;
    const [[layer], rest] = await complete(registry, OPERATOR, second);
    const whole = second.slice(0, second.length - rest.length) + layer;
    expect(splitCommandLine(whole).at(-1)).toBe('my comp:v1');
  });

  test('any line is answered, with candidates for the word that it ends with', async () => {
    const names = COMMAND_SPECS.flatMap(({ name, flags }) => [name, ...flags.map((flag) => `-${flag.name}`)]);
    const part = fc.oneof(
      fc.constantFrom(...names, ' ', '  ', '=', ':', '"', '\\', "'", 'code', 'v1'),
      fc.string({ maxLength: 4 }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 8 }), async (parts) => {
        const line = parts.join('');
        const [candidates, word] = await complete(registry, OPERATOR, line);
        expect(line.endsWith(word)).toBe(true);
        expect(candidates.every((candidate) => typeof candidate === 'string')).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
