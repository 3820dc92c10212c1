import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../support/program.js';
import { PACKAGES, sourceFiles } from './import-graph.js';
import { judgeWords } from './vocabulary.js';
import { STILL_TO_DO } from './words-still-to-do.js';

const PAGES = [
  ...readdirSync(PROJECT_ROOT).filter((name) => name.endsWith('.md') && name !== 'CHANGELOG.md'),
  ...readdirSync(join(PROJECT_ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md') && name !== 'glossary.md')
    .map((name) => `docs/${name}`),
];

const SOURCES = PACKAGES.map((name) => ({ name, files: sourceFiles(PROJECT_ROOT, `packages/${name}/src`) }));

/** `packages/agent/src/deploy/hold.ts` as the list of those that are still to do has it: `deploy/hold`. */
function entryOf(file: string): string {
  return file.replace(/^packages\/\w+\/src\//, '').replace(/\.ts$/, '');
}

/** What programs print and take is quoted in a page as code, and not judged there. */
function withoutCode(markdown: string): string {
  return markdown
    .replace(/^```[\s\S]*?^```/gm, (code) => code.replace(/[^\n]/g, ''))
    .replace(/^ {4}.*$/gm, '')
    .replace(/`[^`\n]+`/g, '`code`');
}

describe('words', () => {
  it.each([...SOURCES, { name: 'docs', files: PAGES }])(
    'of $name are those of the field',
    ({ name, files }) => {
      const toDo = new Set(STILL_TO_DO[name]);
      const judged = files.filter((file) => !toDo.has(entryOf(file)));
      const problems = judged.flatMap((file) => {
        const text = readFileSync(join(PROJECT_ROOT, file), 'utf8');
        return judgeWords(name === 'docs' ? withoutCode(text) : text).map((problem) => `${file}:${problem}`);
      });
      expect(problems).toEqual([]);
    },
  );

  it.each(PAGES.filter((page) => page.startsWith('docs/') && !/\/\d{3}-/.test(page)))(
    '%s begins with whom it is for',
    (page) => {
      const text = readFileSync(join(PROJECT_ROOT, page), 'utf8');
      expect(/^# .*\n\n(For .*)/.exec(text)?.[1]).toBeDefined();
    },
  );

  it.each([
    'it has gone back to the old release',
    'function goBack()',
    'const wayBack = 1;',
    'the registry told it',
    'a line that tells of a change',
    'as in the original',
    'const MOST_ENTRIES = 3;',
    'const NOTHING = {};',
    'class NoticeDesk {}',
    'a missing file is fine',
    'letIn(socket)',
  ])('find "%s"', (text) => {
    expect(judgeWords(`first line\n${text}`)).toEqual([expect.stringMatching(/^2: "/)]);
  });

  it.each([
    'it rolled back',
    'there is nothing to do',
    'let inFlight = 0;',
    'const isFine = true;',
    'most of them',
    "why: 'withdrawn'",
    'read ahead of it',
  ])('let "%s" pass', (text) => {
    expect(judgeWords(text)).toEqual([]);
  });
});
