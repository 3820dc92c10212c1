import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { binPath, PROJECT_ROOT } from '../support/program.js';
import { testScope } from '../support/scope.js';
import { type Shell, startShell } from '../support/shell.js';
import { tempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';

interface Step {
  readonly command: string;
  readonly output: string;
}

/** The commands of the tour, after those that make the ground for it, each with what it is said to print. */
function tour(): Step[] {
  const text = readFileSync(join(PROJECT_ROOT, 'README.md'), 'utf8');
  const [, part = ''] = /^## A tour\n([\s\S]*?)^## /m.exec(text) ?? [];
  const steps: { command: string; output: string }[] = [];
  for (const line of part.match(/(?<=^ {4}).*$/gm) ?? []) {
    if (line.startsWith('$ ')) steps.push({ command: line.slice(2), output: '' });
    else for (const step of steps.slice(-1)) step.output += `${line}\n`;
  }
  return steps.slice(steps.findIndex(({ command }) => command.startsWith('ssh-keygen')));
}

/** What differs from one run to the next. */
function masked(text: string): string {
  return text
    .replace(/\S+(?=\/agent\/unpacked)/g, 'TOUR')
    .replace(/\b[0-9a-f]{64}\b/g, 'HASH')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replace(/\S+@[\d.:]+/g, 'USER@ADDRESS')
    .replace(/\d+ B uploaded in .*/g, 'UPLOADED')
    .replace(/\b\d+ms\b/g, 'MS')
    .replace(/ +/g, ' ')
    .replace(/ $/gm, '');
}

/** The same command, at a port that is free. */
function atPort(command: string, port: number): string {
  return command
    .replace('localhost:2022', `127.0.0.1:${port}`)
    .replace('HostName localhost', 'HostName 127.0.0.1')
    .replace('Port 2022', `Port ${port}`);
}

async function portOf(log: string): Promise<number> {
  const ready = () =>
    /"address":"127\.0\.0\.1:(\d+)"/.exec(existsSync(log) ? readFileSync(log, 'utf8') : '')?.[1];
  await until('the registry is ready', () => ready() !== undefined);
  return Number(ready());
}

/** Types a command until it prints what it should: another program may not be that far yet. */
async function eventually(shell: Shell, { command, output }: Step): Promise<void> {
  let printed = '';
  const isThere = async () => {
    printed = masked((await shell.type(command)).output);
    return printed === masked(output);
  };
  await until(command, isThere).catch(() => expect(printed).toBe(masked(output)));
}

it('the tour of the README prints what it says', async () => {
  const scope = testScope();
  const dir = tempDir(scope);
  const { SSH_AUTH_SOCK: _, ...inherited } = process.env;
  const path = `${dirname(binPath('deployctl'))}:${process.env.PATH}`;
  const shell = startShell(scope, dir, { ...inherited, PATH: path, HOME: dir, USER: 'alice' });
  let port = 0;
  for (const { command, output } of tour()) {
    const typed = atPort(command, port);
    if (/^(cat|tail) /.test(typed)) {
      await eventually(shell, { command: typed, output });
      continue;
    }
    const done = await shell.type(typed);
    expect(masked(done.output), typed).toBe(masked(output));
    expect(done.status, typed).toBe(0);
    if (typed.startsWith('deploy-registry ')) port = await portOf(join(dir, 'registry.log'));
  }
  expect(readFileSync(join(dir, 'registry.log'), 'utf8')).toContain('upload stored');
});
