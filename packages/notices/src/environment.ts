import { readFile, stat } from 'node:fs/promises';
import { DeployError } from '@deploy-tools/shared/errors.js';

/** The environment variables of the process. */
export type Environment = Readonly<Record<string, string | undefined>>;

const LARGEST_SECRET = 4096;

/** The value of a variable, or else the content of the file that NAME_FILE names. @throws DeployError. */
export async function secretFrom(environment: Environment, name: string): Promise<string | undefined> {
  const value = environment[name];
  if (value !== undefined && value !== '') return value;
  const file = environment[`${name}_FILE`];
  return file === undefined || file === '' ? undefined : secretIn(file);
}

/** The content of a file without its last newline. @throws DeployError denied, invalid. */
export async function secretIn(file: string): Promise<string> {
  const found = await stat(file).catch(unreadable(file));
  if (!found.isFile() || found.size > LARGEST_SECRET) {
    throw new DeployError('invalid', `${file} is not a file of at most ${LARGEST_SECRET} bytes`);
  }
  const secret = (await readFile(file, 'utf8').catch(unreadable(file))).replace(/\r?\n$/, '');
  if (secret === '') throw new DeployError('invalid', `${file} is empty`);
  return secret;
}

function unreadable(file: string): (error: unknown) => never {
  return (error) => {
    throw new DeployError('denied', `the secret in ${file} cannot be read`, {
      hint: 'the file must exist and be readable for this program alone',
      cause: error,
    });
  };
}
