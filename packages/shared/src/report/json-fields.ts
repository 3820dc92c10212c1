import { DeployError } from '../errors.js';

/** A JSON object whose keys nobody has looked at yet. */
export type Fields = Readonly<Record<string, unknown>>;

/** @throws DeployError invalid when it is not one JSON object. */
export function parseFields(line: string): Fields {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch (error) {
    throw new DeployError('invalid', 'a line is not valid JSON', { cause: error });
  }
  return asFields(json, 'line');
}

export function asFields(value: unknown, at: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(at);
  return value as Fields;
}

/** Applies a check to a key that may be missing. */
export function optional<T>(value: unknown, check: (value: unknown) => T): T | undefined {
  return value === undefined || value === null ? undefined : check(value);
}

/** The same object without the keys that are undefined. */
export function withoutUndefined<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

export function asFlag(value: unknown, at: string): boolean {
  if (typeof value !== 'boolean') throw wrong(at);
  return value;
}

export function asText(value: unknown, at: string): string {
  if (typeof value !== 'string') throw wrong(at);
  return value;
}

export function asHash(value: unknown, at: string): string {
  if (typeof value !== 'string' || !/^[0-9a-f]{64}$/.test(value)) throw wrong(at);
  return value;
}

export function asCount(value: unknown, at: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw wrong(at);
  return value;
}

/** One of a closed list. */
export function asOneOf<const T extends string>(value: unknown, list: readonly T[], at: string): T {
  const found = list.find((item) => item === value);
  if (found === undefined) throw wrong(at);
  return found;
}

/** An RFC 3339 time, given back in UTC with milliseconds. */
export function asTime(value: unknown, at: string): string {
  if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\dT[\d:.]{8,24}(Z|[+-]\d\d:\d\d)$/.test(value))
    throw wrong(at);
  const time = new Date(value);
  if (Number.isNaN(time.getTime())) throw wrong(at);
  return time.toISOString();
}

export function wrong(at: string): DeployError {
  return new DeployError('invalid', `a line has no ${at}, or a malformed one`);
}
