import { DeployError } from '../errors.js';

/** Keyword to value, both as bytes (see ByteName). */
export type PaxRecords = ReadonlyMap<string, string>;

/** A time as whole seconds, rounded down, and nanoseconds to add. */
export interface PaxTime {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/**
 * Parses the body of a pax extended header: records `LENGTH KEYWORD=VALUE\n`, LENGTH counting the whole record
 * (POSIX 1003.1, pax). An empty value is kept: it takes back what a global header said.
 * @throws DeployError corrupt.
 */
export function parsePaxRecords(body: Buffer): PaxRecords {
  const records = new Map<string, string>();
  let at = 0;
  while (at < body.length) {
    // Some writers pad the body with NULs.
    if (body[at] === 0) break;
    const space = body.indexOf(0x20, at);
    const digits = space < 0 || space - at > 10 ? '' : body.toString('latin1', at, space);
    const end = at + Number(digits);
    if (!/^[0-9]+$/.test(digits) || end > body.length || end <= space + 1 || body[end - 1] !== 0x0a) {
      throw new DeployError('corrupt', 'the archive has an extended header that cannot be read');
    }
    const record = body.toString('latin1', space + 1, end - 1);
    const equals = record.indexOf('=');
    if (equals <= 0) {
      throw new DeployError('corrupt', 'the archive has an extended header without a keyword');
    }
    records.set(record.slice(0, equals), record.slice(equals + 1));
    at = end;
  }
  return records;
}

/**
 * A pax decimal number that is a count or an id.
 * @throws DeployError corrupt.
 */
export function paxInteger(keyword: string, value: string): number {
  const parsed = /^[0-9]+$/.test(value) ? Number(value) : Number.NaN;
  if (Number.isSafeInteger(parsed)) return parsed;
  throw new DeployError('corrupt', `the archive has an extended header with a bad ${keyword}`);
}

/**
 * A pax time: decimal seconds with an optional fraction and sign; digits beyond nanoseconds are dropped.
 * @throws DeployError corrupt.
 */
export function paxTime(keyword: string, value: string): PaxTime {
  const match = /^(-?)([0-9]{1,15})(?:\.([0-9]*))?$/.exec(value);
  if (match === null) {
    throw new DeployError('corrupt', `the archive has an extended header with a bad ${keyword}`);
  }
  const seconds = Number(match[2]);
  const nanoseconds = Number((match[3] ?? '').slice(0, 9).padEnd(9, '0'));
  if (match[1] === '') return { seconds, nanoseconds };
  return nanoseconds === 0
    ? { seconds: 0 - seconds, nanoseconds: 0 }
    : { seconds: -seconds - 1, nanoseconds: 1_000_000_000 - nanoseconds };
}
