import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../support/program.js';
import { anchorsOf, type Link, linksOf } from './markdown-links.js';

const TEXTS = [
  ...readdirSync(PROJECT_ROOT).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(PROJECT_ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

const read = (text: string) => readFileSync(join(PROJECT_ROOT, text), 'utf8');

/** What is wrong with a link, or undefined. */
function judge(text: string, { line, path, anchor }: Link): string | undefined {
  const target = path === '' ? text : join(dirname(text), path);
  const where = `${text}:${line}`;
  if (!existsSync(join(PROJECT_ROOT, target))) return `${where}: there is no ${target}`;
  if (anchor === undefined || !target.endsWith('.md')) return undefined;
  return anchorsOf(read(target)).has(anchor) ? undefined : `${where}: ${target} has no heading #${anchor}`;
}

describe('documentation', () => {
  it.each(TEXTS)('%s links to what is there', (text) => {
    expect(linksOf(read(text)).flatMap((link) => judge(text, link) ?? [])).toEqual([]);
  });

  it('is looked at with its anchors as GitHub makes them', () => {
    const text =
      '# What `-compat` adds\n## A, b & (c)\n## A\n## A\n```\n# code\n[x](y.md)\n```\n[a](b.md#c) [d](#e)';
    expect([...anchorsOf(text)]).toEqual(['what--compat-adds', 'a-b--c', 'a', 'a-1']);
    expect(linksOf(text)).toEqual([
      { line: 9, path: 'b.md', anchor: 'c' },
      { line: 9, path: '', anchor: 'e' },
    ]);
    expect(linksOf('[out](https://example.org/x.md)')).toEqual([]);
  });

  it('lists every decision once, and the numbers have no gap', () => {
    const index = linksOf(read('docs/decisions/README.md')).map(({ path }) => path);
    const records = readdirSync(join(PROJECT_ROOT, 'docs/decisions')).filter((name) => name !== 'README.md');
    expect(index.toSorted()).toEqual(records.toSorted());
    const numbers = records.map((name) => Number(name.slice(0, 3))).sort((a, b) => a - b);
    expect(numbers).toEqual(records.map((_, index) => index + 1));
  });

  it('holds no character that nobody sees', () => {
    const hidden = TEXTS.filter((text) => /\p{Cf}/u.test(read(text)));
    expect(hidden).toEqual([]);
  });
});
