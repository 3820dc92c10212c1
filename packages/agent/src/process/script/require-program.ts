import { accessSync, closeSync, constants, existsSync, openSync, readSync, statSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { errnoOf } from '@deploy-tools/shared/errors.js';

/** As much of a first line as the kernel reads. */
const FIRST_LINE_BYTES = 256;

/**
 * Finds out before a program is started whether it can be, as execvp(3) would: the process that becomes it has no better
 * way than an exit status to tell.
 * @param program absolute, or a word to look up in the PATH of the environment.
 * @returns the file.
 * @throws a system error with its path: ENOENT for a program, or its interpreter, that does not exist; EACCES when it is not executable.
 */
export function requireProgram(
  program: string,
  environment: Readonly<Record<string, string>>,
  cwd = process.cwd(),
): string {
  if (!existsSync(cwd)) throw systemError('ENOENT', cwd);
  const paths = program.includes('/')
    ? [resolve(cwd, program)]
    : (environment.PATH ?? '/bin:/usr/bin').split(delimiter).map((dir) => resolve(cwd, join(dir, program)));
  const found = paths.filter((path) => existsSync(path));
  if (found.length === 0) throw systemError('ENOENT', program);
  const file = found.find(isExecutable);
  if (file === undefined) throw systemError('EACCES', program);
  const interpreter = interpreterOf(file);
  if (interpreter !== undefined && !existsSync(resolve(cwd, interpreter)))
    throw systemError('ENOENT', interpreter);
  return file;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** What its first line names. @returns undefined for none, and for a program that may be executed, but not read. */
function interpreterOf(path: string): string | undefined {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    if (errnoOf(error) === 'EACCES') return undefined;
    throw error;
  }
  try {
    const first = Buffer.alloc(FIRST_LINE_BYTES);
    const text = first.toString('latin1', 0, readSync(fd, first, 0, first.length, 0));
    return /^#![ \t]*([^ \t\n\0]+)/.exec(text)?.[1];
  } finally {
    closeSync(fd);
  }
}

function systemError(code: 'ENOENT' | 'EACCES', path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${path}`), { code, path });
}
