import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../support/program.js';
import { drawParts } from './draw-parts.js';
import { measurePackages } from './measures.js';
import { parseFunctions } from './source-functions.js';
import { blocksIn, isStillTrue, withBlocks, writtenBlocks } from './written-blocks.js';

describe('docs/architecture.md', () => {
  const page = readFileSync(join(PROJECT_ROOT, 'docs/architecture.md'), 'utf8');
  const now = writtenBlocks(PROJECT_ROOT, measurePackages(PROJECT_ROOT));
  const written = blocksIn(page);

  it('has a place for every drawing and table that is made from the sources', () => {
    expect([...written.keys()].sort()).toEqual(Object.keys(now).sort());
  });

  it.each(Object.keys(now))('%s is true of the sources; `npm run report -- -write` renews it', (name) => {
    const [block = '', sources = ''] = [written.get(name), now[name]];
    if (!isStillTrue(block, sources)) expect(block).toBe(sources);
  });

  it('names files and folders that exist', () => {
    const named = [...page.matchAll(/`((?:packages|test|docs)\/[\w./-]+)`/g)].map(([, path = '']) => path);
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter((path) => !existsSync(join(PROJECT_ROOT, path)))).toEqual([]);
  });
});

describe('CONTRIBUTING.md', () => {
  const page = readFileSync(join(PROJECT_ROOT, 'CONTRIBUTING.md'), 'utf8');

  it('names scripts of package.json and tests that exist', () => {
    const { scripts } = JSON.parse(readFileSync(join(PROJECT_ROOT, 'package.json'), 'utf8'));
    const named = [...page.matchAll(/`npm (?:run )?([a-z]+)/g)].map(([, name = '']) => name);
    expect(named.filter((name) => name !== 'ci' && !Object.hasOwn(scripts, name))).toEqual([]);
    const tests = [...page.matchAll(/--project \S+ (\S+)/g)].map(([, path = '']) => path);
    const isThere = (path: string) =>
      [path, `${path}.test.ts`].some((name) => existsSync(join(PROJECT_ROOT, name)));
    expect(tests.length).toBeGreaterThan(1);
    expect(tests.filter((path) => !isThere(path))).toEqual([]);
  });
});

describe('a block of the page', () => {
  it('is replaced between its marks, and nothing else is', () => {
    const page = 'a\n<!-- made by `npm run report -- -write`: x -->\nold\n<!-- end -->\nb';
    expect([...blocksIn(page)]).toEqual([['x', 'old']]);
    expect(withBlocks(page, { x: 'new' })).toBe(page.replace('old', 'new'));
    expect(withBlocks(page, { y: 'new' })).toBe(page);
  });

  it('holds while a bound is kept and lines are about as many', () => {
    expect(isStillTrue('| ≤ 80 | about 1,300 |', '| ≤ 75 | about 1,600 |')).toBe(true);
    expect(isStillTrue('| ≤ 80 |', '| ≤ 81 |')).toBe(false);
    expect(isStillTrue('| about 1,300 |', '| about 2,000 |')).toBe(false);
    expect(isStillTrue('| ctl | ≤ 80 |', '| agent | ≤ 80 |')).toBe(false);
    expect(isStillTrue('| ≤ 80 |', '| ≤ 80 | ≤ 3 |')).toBe(false);
  });
});

describe('what is measured', () => {
  it('counts the parameters and lines of functions, methods and constructors', () => {
    const text = `export function plain(a: number, { b, c }: X, ...rest: string[]): void {
}
class Held {
  constructor(readonly a: A, private b: B, c: C, d: D) {}
  run = async (one: string) => {
    await one;
  };
  stop(): void {}
}
const bound = (x: number) => [x].map((y) => y);`;
    expect(parseFunctions('x.ts', text)).toEqual([
      { file: 'x.ts', name: 'plain', line: 1, lines: 2, parameters: 3 },
      { file: 'x.ts', name: 'Held.constructor', line: 4, lines: 1, parameters: 4 },
      { file: 'x.ts', name: 'Held.run', line: 5, lines: 3, parameters: 1 },
      { file: 'x.ts', name: 'Held.stop', line: 8, lines: 1, parameters: 0 },
      { file: 'x.ts', name: 'bound', line: 10, lines: 1, parameters: 1 },
      { file: 'x.ts', name: 'anonymous', line: 10, lines: 1, parameters: 1 },
    ]);
  });

  it('refuses what it cannot parse', () => {
    expect(() => parseFunctions('x.ts', 'function (')).toThrow(/x\.ts cannot be parsed/);
  });

  it('draws a part above all that the rules let it import', () => {
    const part = (name: string) => ({ name, files: new RegExp(`^${name}/`), does: `does ${name}` });
    const files = ['packages/shared/src/errors.ts', 'packages/ctl/src/main.ts'];
    const drawn = drawParts([part('shared'), part('ctl')], files).split('\n');
    expect(drawn.map((line) => line.replace(/ +│$/, ' │'))).toEqual([
      `┌${'─'.repeat(94)}┐`,
      '│ ctl │',
      '│ does ctl │',
      '│ → shared │',
      `└${'─'.repeat(94)}┘`,
      `┌${'─'.repeat(94)}┐`,
      '│ shared │',
      '│ does shared │',
      `└${'─'.repeat(94)}┘`,
    ]);
  });
});
