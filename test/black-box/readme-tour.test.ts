import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { freePort } from '../support/free-port.js';
import { binPath, PROJECT_ROOT } from '../support/program.js';
import { testScope } from '../support/scope.js';
import { startShell } from '../support/shell.js';
import { tempDir } from '../support/temp-dir.js';

/** The longest tour that a reader pastes without fear. */
const MAX_TOUR_LINES = 40;

/** The tour of the README: what is pasted, and what it prints. */
function readTour(): { readonly script: string; readonly printed: string } {
  const text = readFileSync(join(PROJECT_ROOT, 'README.md'), 'utf8');
  const block = (language: string) =>
    new RegExp(`^## A tour\\n[\\s\\S]*?^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'm').exec(text)?.[1] ?? '';
  return { script: block('sh'), printed: block('text') };
}

/** Replaces what differs from one run to the next. */
function masked(text: string): string {
  return text
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replace(/\S+@[\d.:]+/g, 'USER@ADDRESS')
    .replace(/\d+ B uploaded in .*/g, 'UPLOADED')
    .replace(/\b\d+ms\b/g, 'MS')
    .replace(/(?<=runs 1 +)\d+s\b/g, 'AGE')
    .replace(/ +/g, ' ')
    .replace(/ $/gm, '');
}

it('the tour of the README, pasted as a whole, prints what it says', async () => {
  const scope = testScope();
  const dir = tempDir(scope);
  const { script, printed } = readTour();
  expect(script.split('\n').length - 1).toBeLessThanOrEqual(MAX_TOUR_LINES);
  const { SSH_AUTH_SOCK: _, ...inherited } = process.env;
  const path = `${dirname(binPath('deployctl'))}:${process.env.PATH}`;
  const shell = startShell(scope, dir, { ...inherited, PATH: path, HOME: dir, USER: 'alice' });
  const port = await freePort();
  const here = script
    .replace(/^export PATH=.*\nmkdir .*\n/, '')
    .replaceAll('localhost:2022', `127.0.0.1:${port}`);
  const { output, status } = await shell.type(here);
  expect(masked(output)).toBe(masked(printed));
  expect(status).toBe(0);
});
