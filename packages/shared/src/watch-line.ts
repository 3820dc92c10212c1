import { DeployError } from './errors.js';

/** What a registry tells those who watch configurations. */
export type WatchEvent =
  /** The configuration is at this revision. */
  | {
      readonly kind: 'config';
      readonly name: string;
      readonly revision: number;
      readonly hash: string;
      /** RFC 3339 UTC time of the change that made the revision. */
      readonly mtime: string;
    }
  /** There is no such configuration; `revision` deleted it, 0 when there never was one. */
  | { readonly kind: 'absent'; readonly name: string; readonly revision: number }
  /** Nothing but a sign of life. `time` is RFC 3339 UTC. */
  | { readonly kind: 'heartbeat'; readonly time: string };

/** No line of a registry is longer, in characters: a name, a hash, and some numbers. */
export const MAX_WATCH_LINE = 4096;

/** An event as the object of its line; documented in docs/protocol.md. */
export function watchLineJson(event: WatchEvent): Readonly<Record<string, string | number>> {
  switch (event.kind) {
    case 'config':
      return {
        Event: 'config',
        Name: event.name,
        Revision: event.revision,
        Hash: event.hash,
        Mtime: event.mtime,
      };
    case 'absent':
      return { Event: 'absent', Name: event.name, Revision: event.revision };
    case 'heartbeat':
      return { Event: 'heartbeat', Time: event.time };
  }
}

/** One line of JSON with its newline. */
export function encodeWatchLine(event: WatchEvent): string {
  return `${JSON.stringify(watchLineJson(event))}\n`;
}

/**
 * Reads a line without its newline.
 * @returns undefined for an event of a kind that is not known here: a newer registry may have more.
 * @throws DeployError corrupt.
 */
export function decodeWatchLine(line: string): WatchEvent | undefined {
  const json = parseObject(line);
  if (typeof json.Event !== 'string') throw wrong('Event');
  switch (json.Event) {
    case 'config':
      return {
        kind: 'config',
        name: asString(json, 'Name'),
        revision: asCount(json, 'Revision'),
        hash: asHash(json, 'Hash'),
        mtime: asString(json, 'Mtime'),
      };
    case 'absent':
      return { kind: 'absent', name: asString(json, 'Name'), revision: asCount(json, 'Revision') };
    case 'heartbeat':
      return { kind: 'heartbeat', time: asString(json, 'Time') };
    default:
      return undefined;
  }
}

function parseObject(line: string): Readonly<Record<string, unknown>> {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch (error) {
    throw new DeployError('corrupt', 'a line of the watch is not valid JSON', { cause: error });
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw wrong('object');
  return json as Readonly<Record<string, unknown>>;
}

function asString(json: Readonly<Record<string, unknown>>, key: string): string {
  const value = json[key];
  if (typeof value !== 'string' || value === '') throw wrong(key);
  return value;
}

function asHash(json: Readonly<Record<string, unknown>>, key: string): string {
  const value = asString(json, key);
  if (!/^[0-9a-f]{64}$/.test(value)) throw wrong(key);
  return value;
}

function asCount(json: Readonly<Record<string, unknown>>, key: string): number {
  const value = json[key];
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw wrong(key);
  return value;
}

function wrong(at: string): DeployError {
  return new DeployError('corrupt', `a line of the watch has no ${at}, or a malformed one`);
}
