import { createRequire } from 'node:module';
import { type LoggerOptions, type Logger as PinoLogger, pino } from 'pino';
import { DeployError } from './errors.js';
import { LogDestination, type LostLines, type WriteBytes } from './log-destination.js';
import { printable, printableJsonText, printableLine } from './printable.js';

const require = createRequire(import.meta.url);

export type Logger = PinoLogger;

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/**
 * The programs' log: lines for people when standard error is a terminal, JSON lines otherwise, both written at once,
 * so that nothing is lost when the process ends. Neither has a character that a terminal would obey; JSON reads back as it was.
 * What cannot be written is dropped and counted ({@link LogDestination}).
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
  const format = process.stderr.isTTY ? prettyLine() : printableJsonText;
  return pino(options, new LogDestination({ write, format, lossLine: lossLines(options) }));
}

/** What a person is shown of a line. */
function prettyLine(): (line: string) => string {
  const { prettyFactory }: typeof import('pino-pretty') = require('pino-pretty');
  const pretty = prettyFactory({ ignore: 'pid,hostname,name', translateTime: 'SYS:HH:MM:ss.l' });
  return (line) => pretty(printableRecord(JSON.parse(line) as object));
}

/** With every text in it safe for a terminal, on one line but for stacks. */
function printableRecord(record: object): object {
  const entries = Object.entries(record).map(([key, value]: [string, unknown]) => [
    printableLine(key),
    key === 'stack' && typeof value === 'string' ? printable(value) : printableValue(value),
  ]);
  return Object.fromEntries(entries);
}

function printableValue(value: unknown): unknown {
  if (typeof value === 'string') return printableLine(value);
  if (Array.isArray(value)) return value.map(printableValue);
  return typeof value === 'object' && value !== null ? printableRecord(value) : value;
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
