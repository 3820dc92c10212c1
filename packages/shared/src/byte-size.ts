import { DeployError } from './errors.js';

const UNITS = ['', 'K', 'M', 'G', 'T'];

/**
 * Parses a number of bytes: `1048576`, `64K`, `100MB`, `2GiB`, `1.5G`. Units are powers of 1024.
 * @throws DeployError usage on anything else, and beyond 2^53.
 */
export function parseByteSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?$/i.exec(text);
  const bytes = Math.round(Number(match?.[1]) * 1024 ** UNITS.indexOf((match?.[2] ?? '').toUpperCase()));
  if (match === null || !Number.isSafeInteger(bytes)) {
    throw new DeployError('usage', `invalid size "${text}"`, {
      hint: 'write it as 500MB, 2G or a number of bytes',
    });
  }
  return bytes;
}

/** Formats bytes for people: `512 B`, `3.4 MB`, `120 GB` (powers of 1024). */
export function formatByteSize(bytes: number): string {
  let unit = 0;
  let value = bytes;
  while (Number(rounded(value, unit)) >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${rounded(value, unit)} ${UNITS[unit]}B`;
}

function rounded(value: number, unit: number): string {
  return value.toFixed(unit === 0 || value >= 99.95 ? 0 : 1);
}
