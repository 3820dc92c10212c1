import * as z from 'zod/mini';
import { checkJson, decodeJson, type JsonSubject } from './json/decode-json.js';
import { countSchema, hashSchema, wireObject } from './json/json-schemas.js';

/** An event that a registry sends to a watcher of configurations. */
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

const wordSchema = z.string().check(z.minLength(1));

const SCHEMAS = {
  config: wireObject({ Name: wordSchema, Revision: countSchema, Hash: hashSchema, Mtime: wordSchema }),
  absent: wireObject({ Name: wordSchema, Revision: countSchema }),
  heartbeat: wireObject({ Time: wordSchema }),
};

const eventSchema = z.looseObject({ Event: z.string() });

const SUBJECT: JsonSubject = { what: 'the watch line', kind: 'corrupt' };

/**
 * Reads a line without its newline.
 * @returns undefined for an event of a kind that is not known here: a newer registry may have more.
 * @throws DeployError corrupt, naming the field.
 */
export function decodeWatchLine(line: string): WatchEvent | undefined {
  const json = decodeJson(line, eventSchema, SUBJECT);
  switch (json.Event) {
    case 'config':
      return { kind: 'config', ...checkJson(json, SCHEMAS.config, SUBJECT) };
    case 'absent':
      return { kind: 'absent', ...checkJson(json, SCHEMAS.absent, SUBJECT) };
    case 'heartbeat':
      return { kind: 'heartbeat', ...checkJson(json, SCHEMAS.heartbeat, SUBJECT) };
    default:
      return undefined;
  }
}
