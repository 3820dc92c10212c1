import type { ErrorKind } from '@deploy-tools/shared/errors.js';
import type { ArchiveIndex, IndexedArchive } from '../meta-store.js';

export const INDEX_COLUMNS =
  'archive, size, made, manifest, manifest_size, pack, pack_size, entries, bytes, reason_kind, reason, hint';

/** Of each component the newest version whose archive has a manifest. */
export const NEWEST_INDEXED = `
  SELECT ${INDEX_COLUMNS} FROM archive_indexes WHERE archive IN (
    SELECT v.hash FROM versions v JOIN (
      SELECT max(n.id) AS id FROM versions n JOIN archive_indexes i ON i.archive = n.hash
      WHERE i.manifest IS NOT NULL GROUP BY n.component
    ) newest ON newest.id = v.id
  ) ORDER BY archive`;

/** A head keeps its archive even where the version's row was lost; newest is what was added last, whatever the clock said. */
export const ARCHIVES_BY_USE = `
  SELECT hash FROM (
    SELECT hash, id, 0 AS used FROM versions
    UNION ALL SELECT l.hash, coalesce(v.id, 0), 1 FROM revision_layers l
    JOIN configurations c ON c.name = l.configuration AND c.head = l.number
    LEFT JOIN versions v ON v.component = l.component AND v.version = l.version WHERE c.deleted = 0
  ) GROUP BY hash ORDER BY max(used) DESC, max(id) DESC, hash`;

/**
 * Names of configurations of which any revision names an archive; two parameters, both its hash. One step in the index for
 * each name, however many revisions have the archive: https://www.sqlite.org/lang_with.html, recursive queries.
 */
export const CONFIGURATIONS_WITH_ARCHIVE = `
  WITH RECURSIVE found (name) AS (
    SELECT min(configuration) FROM revision_layers WHERE hash = ?
    UNION ALL
    SELECT (SELECT min(configuration) FROM revision_layers WHERE hash = ? AND configuration > found.name)
    FROM found WHERE found.name IS NOT NULL
  ) SELECT name FROM found WHERE name IS NOT NULL`;

/** A row with either a manifest and a pack, or a reason. */
export interface IndexRow {
  readonly archive: string;
  readonly size: number;
  readonly made: string;
  readonly manifest: string | null;
  readonly manifest_size: number;
  readonly pack: string;
  readonly pack_size: number;
  readonly entries: number;
  readonly bytes: number;
  readonly reason_kind: string;
  readonly reason: string;
  readonly hint: string | null;
}

export function indexOf(row: IndexRow): ArchiveIndex {
  if (row.manifest !== null) return indexedOf({ ...row, manifest: row.manifest });
  const { archive, size, made } = row;
  const reason = { kind: row.reason_kind as ErrorKind, message: row.reason, hint: row.hint ?? undefined };
  return { kind: 'refused', archive: { hash: archive, size }, made, reason };
}

export function indexedOf(row: IndexRow & { readonly manifest: string }): IndexedArchive {
  return {
    kind: 'indexed',
    archive: { hash: row.archive, size: row.size },
    made: row.made,
    manifest: { hash: row.manifest, size: row.manifest_size },
    pack: { hash: row.pack, size: row.pack_size },
    entries: row.entries,
    bytes: row.bytes,
  };
}

/** In the order of INDEX_COLUMNS. */
export function indexValues(index: ArchiveIndex): readonly unknown[] {
  const { archive, made } = index;
  if (index.kind === 'refused') {
    const { kind, message, hint } = index.reason;
    return [
      archive.hash,
      archive.size,
      made,
      null,
      null,
      null,
      null,
      null,
      null,
      kind,
      message,
      hint ?? null,
    ];
  }
  const { manifest, pack, entries, bytes } = index;
  return [
    ...[archive.hash, archive.size, made, manifest.hash, manifest.size],
    ...[pack.hash, pack.size, entries, bytes, null, null, null],
  ];
}
