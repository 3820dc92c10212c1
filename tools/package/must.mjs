import { spawnSync } from 'node:child_process';

/** Runs a program to its end. @returns its standard output. @throws when it fails. */
export function must(command, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', ...options });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${error ?? stderr}`);
  return stdout;
}
