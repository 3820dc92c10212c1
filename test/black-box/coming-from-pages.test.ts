import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { sectionsWithPairs } from '../support/command-pairs.js';

const TESTS = readdirSync(import.meta.dirname).filter((name) => name.startsWith('coming-from-'));

it.each([
  ['deploy-tools', 1],
  ['dewy', 4],
  ['stretcher', 3],
])('each section of the page for %s that has pairs is tested', (program, count) => {
  const files = TESTS.filter((name) => name.startsWith(`coming-from-${program}`));
  const texts = files.map((name) => readFileSync(join(import.meta.dirname, name), 'utf8')).join('');
  const tested = [...texts.matchAll(/^ *testPairs\(\s*\S+,\s*'([^']+)',\s*'([^']+)'/gm)];
  const titles = tested.filter(([, of]) => of === program).map(([, , title]) => title);
  expect(titles.sort()).toEqual(sectionsWithPairs(`coming-from-${program}.md`, program).sort());
  expect(titles).toHaveLength(count);
});
