import type { ErrorKind } from '@deploy-tools/shared/errors.js';
import type { ArchiveIndex, IndexedArchive, RefusedArchive } from '../meta-store.js';
import type { RowValues } from './sqlite-statements.js';

/** Of each component the newest version whose archive has a manifest. */
export const NEWEST_INDEXED = `
  SELECT * FROM archive_indexes WHERE archive IN (
    SELECT v.hash FROM versions v JOIN (
      SELECT max(n.id) AS id FROM versions n JOIN archive_indexes i ON i.archive = n.hash
      WHERE i.manifest IS NOT NULL GROUP BY n.component
    ) newest ON newest.id = v.id
  ) ORDER BY archive`;

/** A head keeps its archive even where the version's row was lost. The newest version is the one that was added last. */
export const ARCHIVES_BY_USE = `
  SELECT hash FROM (
    SELECT hash, id, 0 AS used FROM versions
    UNION ALL SELECT l.hash, coalesce(v.id, 0), 1 FROM revision_layers l
    JOIN configurations c ON c.name = l.configuration AND c.head = l.number
    LEFT JOIN versions v ON v.component = l.component AND v.version = l.version WHERE c.deleted = 0
  ) GROUP BY hash ORDER BY max(used) DESC, max(id) DESC, hash`;

/**
 * Names of configurations of which any revision names an archive; two parameters, both its hash. Takes one step in the index
 * for each name, however many revisions have the archive: https://www.sqlite.org/lang_with.html, recursive queries.
 */
export const CONFIGURATIONS_WITH_ARCHIVE = `
  WITH RECURSIVE found (name) AS (
    SELECT min(configuration) FROM revision_layers WHERE hash = ?
    UNION ALL
    SELECT (SELECT min(configuration) FROM revision_layers WHERE hash = ? AND configuration > found.name)
    FROM found WHERE found.name IS NOT NULL
  ) SELECT name FROM found WHERE name IS NOT NULL`;

interface AnyRow {
  readonly archive: string;
  readonly size: number;
  readonly made: string;
}

export interface IndexedRow extends AnyRow {
  readonly manifest: string;
  readonly manifest_size: number;
  readonly pack: string;
  readonly pack_size: number;
  readonly entries: number;
  readonly bytes: number;
}

interface RefusedRow extends AnyRow {
  readonly manifest: null;
  readonly reason_kind: ErrorKind;
  readonly reason: string;
  readonly hint: string | null;
}

export type IndexRow = IndexedRow | RefusedRow;

export function indexOf(row: IndexRow): ArchiveIndex {
  return row.manifest === null ? refusedOf(row) : indexedOf(row);
}

function refusedOf({ archive, size, made, reason_kind: kind, reason, hint }: RefusedRow): RefusedArchive {
  return {
    kind: 'refused',
    archive: { hash: archive, size },
    made,
    reason: { kind, message: reason, hint: hint ?? undefined },
  };
}

export function indexedOf(row: IndexedRow): IndexedArchive {
  const { made, entries, bytes } = row;
  return {
    kind: 'indexed',
    archive: { hash: row.archive, size: row.size },
    made,
    manifest: { hash: row.manifest, size: row.manifest_size },
    pack: { hash: row.pack, size: row.pack_size },
    entries,
    bytes,
  };
}

export function indexRow(index: ArchiveIndex): RowValues {
  const row = { archive: index.archive.hash, size: index.archive.size, made: index.made };
  if (index.kind === 'refused') {
    const { kind, message, hint } = index.reason;
    return { ...row, reason_kind: kind, reason: message, hint };
  }
  const { manifest, pack, entries, bytes } = index;
  const files = {
    manifest: manifest.hash,
    manifest_size: manifest.size,
    pack: pack.hash,
    pack_size: pack.size,
  };
  return { ...row, ...files, entries, bytes };
}
