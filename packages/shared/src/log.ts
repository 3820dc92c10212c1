import { createRequire } from 'node:module';
import { type Logger as PinoLogger, pino } from 'pino';
import { DeployError } from './errors.js';

const require = createRequire(import.meta.url);

export type Logger = PinoLogger;

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/**
 * The programs' log: lines for people when standard error is a terminal, JSON lines otherwise, both written at once,
 * so that nothing is lost when the process ends.
 * @throws DeployError usage when the level is none of {@link LOG_LEVELS}.
 */
export async function createLogger(name: string, level: string): Promise<Logger> {
  if (!LOG_LEVELS.some((known) => known === level)) {
    throw new DeployError('usage', `invalid log level "${level}"`, {
      hint: `use one of ${LOG_LEVELS.join(', ')}`,
    });
  }
  const options = { name, level, base: { name }, timestamp: pino.stdTimeFunctions.isoTime };
  if (!process.stderr.isTTY) return pino(options, pino.destination({ dest: 2, sync: true }));
  const { PinoPretty }: typeof import('pino-pretty') = require('pino-pretty');
  return pino(
    options,
    PinoPretty({ destination: 2, sync: true, ignore: 'pid,hostname,name', translateTime: 'SYS:HH:MM:ss.l' }),
  );
}
