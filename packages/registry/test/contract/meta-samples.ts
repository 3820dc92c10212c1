import { createHash } from 'node:crypto';
import type {
  AuditRecord,
  IndexedArchive,
  RefusedArchive,
  Revision,
  Upload,
} from '@deploy-tools/registry/meta/meta-store.js';
import { type ComponentVersion, configurationHash } from '@deploy-tools/shared/model.js';

const TIME = '2026-01-02T03:04:05.678Z';

export function hashOf(text: string | Buffer): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Always the same for the same names, so that a test can expect it again. */
export function versionOf(component: string, version: string): ComponentVersion {
  return { component, version, hash: hashOf(`${component}:${version}`), size: 1234, created: TIME };
}

export const layerOf = versionOf;

export function revisionOf(name: string, revision: number, layers: readonly ComponentVersion[]): Revision {
  return {
    name,
    revision,
    mtime: TIME,
    hash: configurationHash(layers.map((layer) => layer.hash)),
    layers,
    author: { fingerprint: 'SHA256:abc', comment: 'ops@example', user: 'ops', address: '192.0.2.1' },
    command: `addconf -name "${name}"`,
  };
}

export function uploadOf(content: string, owner = 'SHA256:abc', second = 0): Upload {
  const created = new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();
  return { hash: hashOf(content), owner, size: content.length, created };
}

export function auditOf(fields: Partial<AuditRecord> = {}): AuditRecord {
  return {
    time: TIME,
    fingerprint: 'SHA256:abc',
    comment: 'ops@example',
    user: 'ops',
    address: '192.0.2.1',
    via: 'exec',
    command: 'showconf',
    args: [],
    subjects: [],
    changes: false,
    result: 'ok',
    durationMs: 1.5,
    ...fields,
  };
}

/** Of the archive with that content. */
export function indexOf(content: string): IndexedArchive {
  return {
    kind: 'indexed',
    archive: { hash: hashOf(content), size: content.length },
    made: TIME,
    manifest: { hash: hashOf(`manifest of ${content}`), size: 100 },
    pack: { hash: hashOf(`pack of ${content}`), size: 200 },
    entries: 3,
    bytes: 300,
  };
}

export function refusedOf(content: string): RefusedArchive {
  return {
    kind: 'refused',
    archive: { hash: hashOf(content), size: content.length },
    made: TIME,
    reason: { kind: 'invalid', message: 'this is not an archive', hint: 'make it with tar' },
  };
}
