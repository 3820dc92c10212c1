import type { Launch } from '../../process/supervise/start-child.js';

/** Splits the command line at the first `--`, after which the program's begins. */
export function splitCommand(argv: readonly string[]): {
  readonly own: readonly string[];
  readonly command: Launch['command'] | undefined;
} {
  const at = argv.indexOf('--');
  if (at < 0) return { own: argv, command: undefined };
  const [program, ...args] = argv.slice(at + 1);
  return { own: argv.slice(0, at), command: program === undefined ? undefined : [program, ...args] };
}
