import { DeployError } from '@deploy-tools/shared/errors.js';

/** A time in the format of Go's encoding/json: RFC 3339 with up to nine decimals of a second, without final zeros. */
export interface GoTime {
  /** In this registry's format: UTC, cut to milliseconds. */
  readonly iso: string;
  /** Since the epoch; may be negative. */
  readonly nanoseconds: bigint;
}

const FORMAT = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/;

/** @throws DeployError corrupt when it is not a time. */
export function parseGoTime(text: string): GoTime {
  const [, seconds, fraction = '', zone] = FORMAT.exec(text) ?? [];
  const whole = Date.parse(`${seconds}${zone}`);
  if (Number.isNaN(whole)) throw new DeployError('corrupt', `${JSON.stringify(text)} is not a time`);
  const nanoseconds = BigInt(whole) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
  const milliseconds = whole + Number(fraction.padEnd(9, '0').slice(0, 3));
  return { iso: new Date(milliseconds).toISOString(), nanoseconds };
}

/** For sorting, earliest first. */
export function compareGoTimes(a: GoTime, b: GoTime): number {
  return a.nanoseconds < b.nanoseconds ? -1 : a.nanoseconds > b.nanoseconds ? 1 : 0;
}
