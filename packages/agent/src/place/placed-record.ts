import { lstatSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DeployError, isMissing } from '@deploy-tools/shared/errors.js';
import { writeFileAtomic } from '@deploy-tools/shared/host/atomic-file.js';
import { readRegularFile } from '@deploy-tools/shared/host/regular-file.js';
import { decodeJson } from '@deploy-tools/shared/json/decode-json.js';
import { wireObject, withWireKeys } from '@deploy-tools/shared/json/json-schemas.js';
import * as z from 'zod/mini';

const MAX_BYTES = 64 * 1024;

const recordSchema = wireObject({
  To: z.string(),
  Strategy: z.string(),
  /** Of the configuration; empty during the sync. */
  Hash: z.string(),
  /** With `mv` the inode of the destination, as {@link inodeOf} names it; else empty. */
  Inode: z.string(),
});

/** The last sync to the destination; with `mv` it is written right before the release takes the destination's name. */
type PlacedRecord = z.output<typeof recordSchema>;

/** Path of an agent's record. @param dir of the agent, absolute. */
export function placedIn(dir: string): string {
  return join(dir, 'placed.json');
}

/** @returns undefined before the first sync, and for a damaged file: then the release is synced again. */
export function readPlaced(path: string): PlacedRecord | undefined {
  try {
    const text = readRegularFile(path, MAX_BYTES).toString('utf8');
    return decodeJson(text, recordSchema, { what: path, kind: 'corrupt' });
  } catch (error) {
    if (isMissing(error) || error instanceof DeployError) return undefined;
    throw error;
  }
}

export function writePlaced(path: string, record: PlacedRecord): void {
  writeFileAtomic(path, `${JSON.stringify(withWireKeys(record))}\n`, 0o600);
}

/** Records that a sync has begun: until its end the content of the destination is unknown. */
export function forgetPlaced(path: string, { to, strategy }: Pick<PlacedRecord, 'to' | 'strategy'>): void {
  writePlaced(path, { to, strategy, hash: '', inode: '' });
}

/** Records that there is no destination any more. */
export function removePlaced(path: string): void {
  rmSync(path, { force: true });
}

/** Identifies a file or directory until it is removed; empty where there is none. */
export function inodeOf(path: string): string {
  const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return stats === undefined ? '' : `${stats.dev}:${stats.ino}`;
}
