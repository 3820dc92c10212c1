import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { onTestFinished } from 'vitest';

export type StateName = 'empty' | 'one-of-each' | 'lived-in' | 'large' | 'page-16k';

/** One of the fixtures; see fixtures/original-state/README.md. */
export function stateBytes(name: StateName): Buffer {
  return gunzipSync(
    readFileSync(join(import.meta.dirname, '..', 'fixtures', 'original-state', `${name}.db.gz`)),
  );
}

/** The bytes that stand for a version's archive in the fixtures. */
export function archiveOf(component: string, version: string): { hash: string; bytes: Buffer } {
  const bytes = Buffer.from(`archive of ${component}:${version}\n`);
  return { bytes, hash: createHash('sha256').update(bytes).digest('hex') };
}

/** A directory as the original leaves it: state.db and files/ with these versions' archives. Gone after the test. */
export function originalDirectory(
  state: Uint8Array,
  versions: readonly (readonly [component: string, version: string])[],
): string {
  const dir = mkdtempSync(join(tmpdir(), 'deploy-test-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }));
  writeFileSync(join(dir, 'state.db'), state, { mode: 0o600 });
  mkdirSync(join(dir, 'files'), { mode: 0o700 });
  for (const [component, version] of versions) {
    const { hash, bytes } = archiveOf(component, version);
    writeFileSync(join(dir, 'files', hash), bytes);
  }
  return dir;
}

export const LIVED_IN = [
  ['code', 'v 02'],
  ['config', 'v01'],
  ['config', 'v02'],
  ['a component', '2:1'],
  ['Компонент один', 'версия "1" ñ'],
] as const;
