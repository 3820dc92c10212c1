import type { LogFormat } from './log-format.js';
import { printable, printableJsonText, printableLine } from './printable.js';

interface Level {
  readonly word: string;
  /** SGR code (ECMA-48, 8.3.117). */
  readonly color: string;
  /** The priority in syslog(3). */
  readonly priority: number;
}

const LEVELS: ReadonlyMap<unknown, Level> = new Map([
  [10, { word: 'TRACE', color: '2', priority: 7 }],
  [20, { word: 'DEBUG', color: '2', priority: 7 }],
  [30, { word: 'INFO', color: '32', priority: 6 }],
  [40, { word: 'WARN', color: '33', priority: 4 }],
  [50, { word: 'ERROR', color: '31', priority: 3 }],
  [60, { word: 'FATAL', color: '1;31', priority: 2 }],
]);
const UNKNOWN_LEVEL: Level = { word: '-', color: '0', priority: 5 };
const LEVEL_WIDTH = 5;

/** Keys that are shown in another way, or not at all. */
const HIDDEN: ReadonlySet<string> = new Set(['level', 'time', 'name', 'msg', 'stack']);

/**
 * Returns a function that formats a line of pino's JSON. Nothing in the result can act on a terminal or look like another event. Each
 * event is one line; only `pretty` puts the stack of an error below.
 * @param env with NO_COLOR, `pretty` has no colours (https://no-color.org).
 */
export function lineFormatter(
  format: LogFormat,
  env: Readonly<Record<string, string | undefined>>,
): (line: string) => string {
  if (format === 'json') return printableJsonText;
  const color = format === 'pretty' && !env.NO_COLOR;
  return (line) => eventLine(JSON.parse(line) as Record<string, unknown>, format, color);
}

function eventLine(event: Record<string, unknown>, format: LogFormat, color: boolean): string {
  const level = LEVELS.get(event.level) ?? UNKNOWN_LEVEL;
  const pairs = Object.entries(event)
    .filter(([key, value]) => !HIDDEN.has(key) && value !== undefined)
    .map(([key, value]) => `${printableLine(key)}=${shown(value)}`);
  const words = [text(event.msg), ...pairs].filter((word) => word !== '');
  const [message = '', ...facts] = words;
  const paint = (code: string, part: string) => (color && part !== '' ? `\x1b[${code}m${part}\x1b[0m` : part);
  const start = beginning(event.time, format);
  const word = level.word.padEnd(LEVEL_WIDTH);
  if (format === 'journal') return `<${level.priority}>${words.join(' ')}\n`;
  const rest = facts.length === 0 ? '' : ` ${paint('2', facts.join(' '))}`;
  const stack = format === 'pretty' ? stackOf(event) : '';
  return `${paint('2', start)} ${paint(level.color, word)} ${message}${rest}\n${stack}`;
}

/** The time of an event: local time for `pretty`, else RFC 3339. */
function beginning(time: unknown, format: LogFormat): string {
  const date = new Date(String(time));
  if (Number.isNaN(date.getTime())) return text(time);
  if (format !== 'pretty') return date.toISOString();
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()];
  const milliseconds = String(date.getMilliseconds()).padStart(3, '0');
  return `${clock.map((part) => String(part).padStart(2, '0')).join(':')}.${milliseconds}`;
}

/** Formats a value like logfmt: in quotes where necessary. */
function shown(value: unknown): string {
  const words = text(isError(value) ? value.message : value);
  return /^[^\s"=]+$/.test(words) ? words : `"${words.replaceAll('"', "'")}"`;
}

function text(value: unknown): string {
  if (value === undefined) return '';
  return printableLine(typeof value === 'string' ? value : JSON.stringify(value));
}

function isError(value: unknown): value is { readonly message: string; readonly stack?: unknown } {
  return (
    typeof value === 'object' && value !== null && 'message' in value && typeof value.message === 'string'
  );
}

function stackOf({ stack, err }: Record<string, unknown>): string {
  const own = stack ?? (isError(err) ? err.stack : undefined);
  return typeof own === 'string' ? `${printable(own).replace(/^/gm, '    ')}\n` : '';
}
