import * as z from 'zod/mini';
import {
  countSchema,
  type Fields,
  hashSchema,
  type LineOf,
  lineDecoder,
  wireObject,
  withWireKeys,
} from './json/json-schemas.js';

/** The longest line of a watch, in characters. */
export const MAX_WATCH_LINE = 4096;

const wordSchema = z.string().check(z.minLength(1));

const SCHEMAS = {
  /** The configuration is at this revision, which a change at `Mtime` made (RFC 3339 UTC). */
  config: wireObject({ Name: wordSchema, Revision: countSchema, Hash: hashSchema, Mtime: wordSchema }),
  /** There is no such configuration: this revision deleted it; 0 when there never was one. */
  absent: wireObject({ Name: wordSchema, Revision: countSchema }),
  /** A sign of life; `Time` is RFC 3339 UTC. */
  heartbeat: wireObject({ Time: wordSchema }),
};

/** An event that a registry sends to a watcher of configurations. */
export type WatchEvent = LineOf<'kind', typeof SCHEMAS>;

/** An event as the object of its line; documented in docs/protocol.md. */
export function watchLineJson({ kind, ...fields }: WatchEvent): Fields {
  return { Event: kind, ...withWireKeys(fields) };
}

/** One line of JSON with its newline. */
export function encodeWatchLine(event: WatchEvent): string {
  return `${JSON.stringify(watchLineJson(event))}\n`;
}

/** Reads a line of a watch. @throws DeployError corrupt, naming the field. */
export const decodeWatchLine = lineDecoder({
  tag: ['Event', 'kind'],
  schemas: SCHEMAS,
  subject: { what: 'the watch line', kind: 'corrupt' },
});
