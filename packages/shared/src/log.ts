import { type LoggerOptions, type Logger as PinoLogger, pino } from 'pino';
import { DeployError } from './errors.js';
import { LogDestination, type LostLines, type WriteBytes } from './log-destination.js';
import { logFormat, standardError } from './log-format.js';
import { lineFormatter } from './log-line.js';

export type Logger = PinoLogger;

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

export interface LogOptions {
  /** A value of `-log-format`; `auto` by default. */
  readonly format?: string;
  /** Standard error by default. */
  readonly write?: WriteBytes;
}

/**
 * Opens a program's log on standard error. Each line is written at once, so that none is lost when the process ends. On a terminal and
 * in the journal of systemd, lines are for people; otherwise they are JSON. Control characters are escaped. Lines that cannot be
 * written are dropped and counted ({@link LogDestination}).
 * @throws DeployError usage when the level is none of {@link LOG_LEVELS}, or the format is not known.
 */
export async function createLogger(name: string, level: string, log: LogOptions = {}): Promise<Logger> {
  if (!LOG_LEVELS.some((known) => known === level)) {
    throw new DeployError('usage', `invalid log level "${level}"`, {
      hint: `use one of ${LOG_LEVELS.join(', ')}`,
    });
  }
  const options = { name, level, base: { name }, timestamp: pino.stdTimeFunctions.isoTime };
  const place = standardError();
  const format = lineFormatter(logFormat(log.format ?? 'auto', place), place.env);
  return pino(options, new LogDestination({ write: log.write, format, lossLine: lossLines(options) }));
}

/** Makes the line about lost lines, even when the log's level is above `warn`: the lost lines had that level too. */
function lossLines(options: LoggerOptions): (lost: LostLines) => string {
  let written = '';
  const write = (line: string) => {
    written = line;
  };
  const said = pino({ ...options, level: 'warn' }, { write });
  return ({ count, reason }) => {
    said.warn({ lost: count, err: reason }, 'log lines could not be written and are lost');
    return written;
  };
}
