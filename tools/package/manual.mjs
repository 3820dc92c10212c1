import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from '../built-files.mjs';
import { PROGRAMS } from './kinds.mjs';

/** The manual page of a program, in man(7)'s macros, from what it prints with -h. */
export function manualOf(program, version) {
  const { summary } = PROGRAMS[program];
  const run = spawnSync(join(ROOT, 'node_modules/.bin', program), ['-h'], {
    encoding: 'utf8',
    env: { ...process.env, COLUMNS: '80' },
  });
  const help = run.stdout === '' ? run.stderr : run.stdout;
  if (help.trim() === '') throw new Error(`${program} -h prints nothing`);
  return [
    `.TH ${program.toUpperCase()} 1 "" "deploy-tools ${version}"`,
    '.SH NAME',
    `${roff(program)} \\- ${roff(summary)}`,
    '.SH DESCRIPTION',
    '.nf',
    ...help.trimEnd().split('\n').map(roff),
    '.fi',
    '',
  ].join('\n');
}

/** A line that has no request and no escape. */
function roff(line) {
  return line
    .replace(/\\/g, '\\e')
    .replace(/-/g, '\\-')
    .replace(/^([.'])/, '\\&$1');
}
