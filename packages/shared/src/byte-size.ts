import { DeployError } from './errors.js';

const UNITS = ['', 'K', 'M', 'G', 'T'];

/**
 * Parses a number of bytes: `1048576`, `64K`, `100MB`, `2GiB`, `1.5G`. Units are powers of 1024.
 * @throws DeployError usage on anything else.
 */
export function parseByteSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?$/i.exec(text);
  if (match === null) {
    throw new DeployError('usage', `invalid size "${text}"`, {
      hint: 'write it as 500MB, 2G or a number of bytes',
    });
  }
  return Math.round(Number(match[1]) * 1024 ** UNITS.indexOf((match[2] ?? '').toUpperCase()));
}

/** Formats bytes for people: `512 B`, `3.4 MB`, `12 GB` (powers of 1024). */
export function formatByteSize(bytes: number): string {
  let unit = 0;
  let value = bytes;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${UNITS[unit]}B`;
}
