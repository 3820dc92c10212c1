import { fstatSync } from 'node:fs';
import type { FlagSpec } from './cli/flags.js';
import { DeployError } from './errors.js';

export const LOG_FORMATS = ['auto', 'json', 'pretty', 'plain'] as const;

/** The format of log lines. `journal` is `plain` for systemd's journal, which adds time and level itself. */
export type LogFormat = Exclude<(typeof LOG_FORMATS)[number], 'auto'> | 'journal';

export const LOG_FORMAT_FLAG = {
  name: 'log-format',
  type: 'string',
  help: 'json, pretty (one line with colours), plain (one line without), or auto: pretty on a terminal, plain in the journal of systemd, else json',
  default: 'auto',
} as const satisfies FlagSpec;

/** The destination of a log, as far as the format depends on it. */
export interface LogPlace {
  readonly isTerminal: boolean;
  /** `DEVICE:INODE` of standard error; undefined when it is closed. */
  readonly stream: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Standard error of this process. */
export function standardError(): LogPlace {
  return { isTerminal: process.stderr.isTTY === true, stream: streamOf(2), env: process.env };
}

/**
 * The format for a value of `-log-format`. Standard error is the journal when JOURNAL_STREAM names it (systemd.exec(5)); the variable
 * alone does not suffice, since children with redirected output inherit it.
 * @throws DeployError usage.
 */
export function logFormat(value: string, { isTerminal, stream, env }: LogPlace): LogFormat {
  const known = LOG_FORMATS.find((format) => format === value);
  if (known === undefined)
    throw new DeployError('usage', `invalid log format "${value}"`, {
      hint: `use one of ${LOG_FORMATS.join(', ')}`,
    });
  if (known !== 'auto') return known;
  if (isTerminal) return 'pretty';
  return stream !== undefined && stream === env.JOURNAL_STREAM ? 'journal' : 'json';
}

function streamOf(fd: number): string | undefined {
  try {
    const { dev, ino } = fstatSync(fd);
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}
