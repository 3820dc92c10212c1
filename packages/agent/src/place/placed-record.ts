import { lstatSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DeployError, isMissing } from '@deploy-tools/shared/errors.js';
import { writeFileAtomic } from '@deploy-tools/shared/host/atomic-file.js';
import { readRegularFile } from '@deploy-tools/shared/host/regular-file.js';
import { decodeJson } from '@deploy-tools/shared/json/decode-json.js';
import { wireObject } from '@deploy-tools/shared/json/json-schemas.js';
import * as z from 'zod/mini';

const MAX_BYTES = 64 * 1024;

/** What was synced to the destination last, or with `mv` is just about to take its name. */
export interface PlacedRecord {
  readonly to: string;
  readonly strategy: string;
  /** Of the configuration; empty while it is synced. */
  readonly hash: string;
  /** Which directory it is; empty where that does not matter. */
  readonly inode: string;
}

const recordSchema = wireObject({
  To: z.string(),
  Strategy: z.string(),
  Hash: z.string(),
  Inode: z.string(),
});

/** Where an agent keeps its record. @param dir of the agent, absolute. */
export function placedIn(dir: string): string {
  return join(dir, 'placed.json');
}

/** @returns undefined when nothing was, a sync was cut off, or the file is damaged: then it is synced again. */
export function readPlaced(path: string): PlacedRecord | undefined {
  try {
    const text = readRegularFile(path, MAX_BYTES).toString('utf8');
    return decodeJson(text, recordSchema, { what: path, kind: 'corrupt' });
  } catch (error) {
    if (isMissing(error) || error instanceof DeployError) return undefined;
    throw error;
  }
}

export function writePlaced(path: string, { to, strategy, hash, inode }: PlacedRecord): void {
  const fields = { To: to, Strategy: strategy, Hash: hash, Inode: inode };
  writeFileAtomic(path, `${JSON.stringify(fields)}\n`, 0o600);
}

/** From now on it is not known what is at the destination. */
export function forgetPlaced(path: string, { to, strategy }: Pick<PlacedRecord, 'to' | 'strategy'>): void {
  writePlaced(path, { to, strategy, hash: '', inode: '' });
}

/** There is no destination any more. */
export function removePlaced(path: string): void {
  rmSync(path, { force: true });
}

/** Names a directory for as long as it is there; empty where nothing is. */
export function inodeOf(path: string): string {
  const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return stats === undefined ? '' : `${stats.dev}:${stats.ino}`;
}
