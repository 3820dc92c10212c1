import { type LoggerOptions, type Logger as PinoLogger, pino } from 'pino';
import { DeployError } from './errors.js';
import { LogDestination, type LostLines, type WriteBytes } from './log-destination.js';
import { logFormat, standardError } from './log-format.js';
import { lineFormatter } from './log-line.js';

export type Logger = PinoLogger;

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

export interface LogOptions {
  /** As `-log-format` has it; `auto` by default. */
  readonly format?: string;
  /** Standard error by default. */
  readonly write?: WriteBytes;
}

/**
 * The programs' log on standard error, each line written at once, so that nothing is lost when the process ends: lines for people on a
 * terminal and in the journal of systemd, JSON otherwise. None has a character that a terminal would obey; JSON reads back as it was.
 * What cannot be written is dropped and counted ({@link LogDestination}).
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

/** Written even where the level is above `warn`: whatever was lost was of that level. */
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
