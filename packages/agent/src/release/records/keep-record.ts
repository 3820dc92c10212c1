import { join } from 'node:path';
import type { ByteName } from '@deploy-tools/shared/archive/byte-name.js';
import { ManifestStore } from '../fetch/manifest-store.js';
import { STAMP_NUMBERS, stampAt } from '../plan/disk-release.js';
import type { EntryPlace } from '../plan/release-tree.js';
import type { ReleaseStore } from '../release-store.js';
import type { ReleaseRecord } from './release-record.js';
import { ReleaseRecords } from './release-records.js';

/**
 * Runs an action that removes hard links of a release's files, and renews the release's record: losing a link changes the
 * ctime, as a change of the content would. A file stays in the record if it was unchanged right before the action,
 * and size and time are the same after it.
 */
export async function keepRecord(store: ReleaseStore, hash: string, act: () => Promise<void>): Promise<void> {
  const { paths, settings, threads, log } = store;
  const records = new ReleaseRecords(paths.records);
  const record = settings.reuse === 'hardlink' ? records.load(hash) : undefined;
  const files = record === undefined ? undefined : pathsOf(record, new ManifestStore(paths.manifests, log));
  if (record === undefined || files === undefined) return await act();
  threads.start(true);
  const task = () => ({ kind: 'stamp', root: join(paths.unpacked, hash), paths: files }) as const;
  const before = await threads.run('stamp', task);
  await act();
  const after = await threads.run('stamp', task);
  records.write(hash, refreshed(record, before, after));
}

function pathsOf(record: ReleaseRecord, manifests: ManifestStore): ByteName[] | undefined {
  const layers = record.manifests.map((digest) => manifests.entries(digest));
  const paths = record.places.flatMap(({ layer, index }) => layers[layer]?.[index]?.path ?? []);
  return paths.length === record.places.length ? paths : undefined;
}

/** The renewed record. Pure. @param before, after rows for the files of the record. */
export function refreshed(record: ReleaseRecord, before: BigInt64Array, after: BigInt64Array): ReleaseRecord {
  const places: EntryPlace[] = [];
  const stamps = new BigInt64Array(record.stamps.length);
  for (const [row, place] of record.places.entries()) {
    const [recorded, then, now] = [stampAt(record.stamps, row), stampAt(before, row), stampAt(after, row)];
    const wasUnchanged = recorded.every((number, at) => number === then[at]);
    const isTheSame = then.subarray(0, STAMP_NUMBERS - 1).every((number, at) => number === now[at]);
    if (!wasUnchanged || !isTheSame) continue;
    stamps.set(now, places.length * STAMP_NUMBERS);
    places.push(place);
  }
  const { manifests } = record;
  return { manifests, places, stamps: stamps.subarray(0, places.length * STAMP_NUMBERS) };
}
