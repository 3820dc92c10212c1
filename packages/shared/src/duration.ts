import { DeployError } from './errors.js';

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** The longest delay of a timer of Node.js, some 24 days. A timer with a longer delay fires at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** The bound of Go's 64 bits of nanoseconds: some 292 years. */
const MAX_MS = 2 ** 63 / 1e6;

/**
 * Parses a duration in the format of Go's time.ParseDuration: `30s`, `1h30m`, `250ms`, `1.5h`, `0`.
 * @returns milliseconds, may be fractional or negative.
 * @throws DeployError usage for any other text, such as a number without its unit, and beyond Go's bound.
 */
export function parseDuration(text: string): number {
  const match = /^([+-]?)((?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+|0)$/.exec(text);
  const [, sign, body] = match ?? [];
  let total = 0;
  for (const [, amount, unit] of (body ?? '').matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)) {
    total += Number(amount) * (UNIT_MS[unit ?? ''] ?? 0);
  }
  if (match === null || total >= MAX_MS) {
    throw new DeployError('usage', `invalid duration "${text}"`, { hint: 'write it as 30s, 1h30m or 250ms' });
  }
  return sign === '-' ? -total : total;
}

/** Formats milliseconds, to the nanosecond, as Go prints a time.Duration: `30m0s`, `250ms`, `1.5s`, `100µs`, `0s`. */
export function formatDuration(ms: number): string {
  if (ms < 0) return `-${formatDuration(-ms)}`;
  const fraction = Math.round((ms % 1) * 1e6);
  const whole = Math.floor(ms) + Math.floor(fraction / 1e6);
  const nanos = fraction % 1e6;
  if (whole === 0 && nanos === 0) return '0s';
  if (whole === 0) return nanos < 1000 ? `${nanos}ns` : `${nanos / 1000}µs`;
  if (whole < 1000) return `${decimal(whole, nanos, 6)}ms`;
  const hours = Math.floor(whole / 3_600_000);
  const minutes = Math.floor(whole / 60_000) % 60;
  const seconds = `${decimal(Math.floor(whole / 1000) % 60, (whole % 1000) * 1e6 + nanos, 9)}s`;
  if (hours > 0) return `${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${minutes}m${seconds}` : seconds;
}

/** Formats a decimal number; `fraction` is the part after the point, in units of its last digit. */
function decimal(whole: number, fraction: number, digits: number): string {
  if (fraction === 0) return String(whole);
  return `${whole}.${String(fraction).padStart(digits, '0').replace(/0+$/, '')}`;
}
