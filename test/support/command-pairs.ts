import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { binPath, PROJECT_ROOT } from './program.js';
import { run } from './run.js';

/** A row of a page "Coming from …": what is typed there, and what is typed here, in order. */
interface CommandPair {
  readonly theirs: string;
  readonly ours: readonly string[];
}

/** Runs our side of a pair, as the page has it. @param ours the code of the page's second column, one by one. */
export type PairTest = (...ours: string[]) => Promise<void>;

/** A test that needs programs: `where` is a `describe` that skips it, with a reason, where they are missing. */
interface PlacedTest {
  readonly where: (title: string, body: () => void) => void;
  readonly run: PairTest;
}

/** The tests of a section, by the code of the first column. */
export type PairTests = Readonly<Record<string, PairTest | PlacedTest>>;

/**
 * Makes a test of each pair in a section of a page, and one that says when a pair has no test, or a test no pair.
 * Pairs are the rows of tables with the columns PROGRAM, `here` and remarks.
 * @param page a file in `docs/`.
 * @param program the name in the header of the first column.
 * @param section the title of a section of level two.
 */
export function testPairs(page: string, program: string, section: string, tests: PairTests): void {
  const pairs = pairsOf(readFileSync(join(PROJECT_ROOT, 'docs', page), 'utf8'), program, section);
  describe(section, () => {
    it('has a test for each pair', () => {
      expect(Object.keys(tests).sort()).toEqual(pairs.map(({ theirs }) => theirs).sort());
    });
    for (const { theirs, ours } of pairs) {
      const test = tests[theirs];
      if (test === undefined) continue;
      const title = `${theirs} → ${ours.join('; ')}`;
      if (typeof test === 'function') it(title, () => test(...ours));
      else test.where(title, () => it('does the same', () => test.run(...ours)));
    }
  });
}

/** The titles of the sections of a page that have pairs. */
export function sectionsWithPairs(page: string, program: string): string[] {
  const text = readFileSync(join(PROJECT_ROOT, 'docs', page), 'utf8');
  const titles = [...text.matchAll(/^## (.*)$/gm)].map(([, title = '']) => title);
  return titles.filter((title) => pairsOf(text, program, title).length > 0);
}

function pairsOf(text: string, program: string, section: string): CommandPair[] {
  const body = text.split(/^## /m).find((part) => part.startsWith(`${section}\n`)) ?? '';
  const pairs: CommandPair[] = [];
  let inside = false;
  for (const line of body.split('\n')) {
    const cells = cellsOf(line);
    if (cells.length === 0) inside = false;
    else if (cells[0] === program && cells[1] === 'here') inside = true;
    else if (inside && !/^-+$/.test(cells[0] ?? '')) {
      const [theirs = '', ...more] = codeIn(cells[0]);
      if (more.length > 0) throw new Error(`one command at a time: ${line}`);
      pairs.push({ theirs, ours: codeIn(cells[1]) });
    }
  }
  return pairs;
}

/** Of a row of a table; none of any other line. */
function cellsOf(line: string): string[] {
  if (!line.startsWith('|')) return [];
  const cells = line.split(/(?<!\\)\|/).slice(1, -1);
  return cells.map((cell) => cell.trim().replaceAll('\\|', '|'));
}

function codeIn(cell = ''): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);
}

/** Puts what is there in a test for what a page has as an example. @throws when the page does not have it. */
export function filledIn(text: string, places: Readonly<Record<string, string>>): string {
  let filled = text;
  for (const [example, actual] of Object.entries(places)) {
    if (!text.includes(example)) throw new Error(`there is no ${example} in: ${text}`);
    filled = filled.replaceAll(example, actual);
  }
  return filled;
}

/** An environment in which our programs are found by their names. */
export function pathToPrograms(env: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  return { ...process.env, ...env, PATH: `${dirname(binPath('deployctl'))}:${process.env.PATH}` };
}

/** A command line as the words that a shell makes of it. */
export async function wordsOf(command: string): Promise<string[]> {
  const { stdout } = await run('sh', ['-c', `for word in ${command}; do printf '%s\\n' "$word"; done`]);
  return stdout.split('\n').slice(0, -1);
}
