import { accessSync, closeSync, constants, existsSync, openSync, readSync, statSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { DeployError, errnoOf } from '@deploy-tools/shared/errors.js';

/** The part of a first line that the kernel reads. */
const FIRST_LINE_BYTES = 256;

/**
 * Checks, like execvp(3), that a program can be started: a process that fails to become it has only an exit status to say so.
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

/** Reads the interpreter in a program's first line. @returns undefined for none, and for a program that cannot be read. */
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

/**
 * Finds the file of a script or hook: a path, or a word to look up in PATH.
 * @throws DeployError not-found, denied.
 */
export function programFile(command: string, path: string | undefined): string {
  try {
    return requireProgram(command, path === undefined ? {} : { PATH: path });
  } catch (error) {
    throw explained(command, error);
  }
}

function explained(command: string, error: unknown): DeployError {
  const code = errnoOf(error);
  const missing = (error as NodeJS.ErrnoException).path;
  if (code === 'ENOENT' && missing !== command)
    return new DeployError('not-found', `${command} names an interpreter that does not exist: ${missing}`, {
      hint: 'correct its first line, or install the interpreter',
      cause: error,
    });
  if (code === 'ENOENT' && !command.includes('/'))
    return new DeployError('not-found', `"${command}" is nowhere in PATH`, {
      hint: 'a script in the working directory is named with ./',
      cause: error,
    });
  if (code === 'ENOENT')
    return new DeployError('not-found', `${command} does not exist`, { hint: 'create it', cause: error });
  return new DeployError('denied', `${command} cannot be run (${code})`, {
    hint: `name a file, and make it executable: chmod +x ${command}`,
    cause: error,
  });
}
