import { createRequire } from 'node:module';
import { type LoggerOptions, type Logger as PinoLogger, pino } from 'pino';
import { DeployError } from './errors.js';
import { LogDestination, type LostLines, type WriteBytes } from './log-destination.js';

const require = createRequire(import.meta.url);

export type Logger = PinoLogger;

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/**
 * The programs' log: lines for people when standard error is a terminal, JSON lines otherwise, both written at once,
 * so that nothing is lost when the process ends. What cannot be written is dropped and counted ({@link LogDestination}).
 * @param write standard error unless told.
 * @throws DeployError usage when the level is none of {@link LOG_LEVELS}.
 */
export async function createLogger(name: string, level: string, write?: WriteBytes): Promise<Logger> {
  if (!LOG_LEVELS.some((known) => known === level)) {
    throw new DeployError('usage', `invalid log level "${level}"`, {
      hint: `use one of ${LOG_LEVELS.join(', ')}`,
    });
  }
  const options = { name, level, base: { name }, timestamp: pino.stdTimeFunctions.isoTime };
  const format = process.stderr.isTTY ? prettyLine() : (line: string) => line;
  return pino(options, new LogDestination({ write, format, lossLine: lossLines(options) }));
}

/** What a person is shown of a line. */
function prettyLine(): (line: string) => string {
  const { prettyFactory }: typeof import('pino-pretty') = require('pino-pretty');
  const pretty = prettyFactory({ ignore: 'pid,hostname,name', translateTime: 'SYS:HH:MM:ss.l' });
  return (line) => pretty(line);
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
