import { readFileSync, writeFileSync } from 'node:fs';
import type { VerifyLayer } from '@deploy-tools/registry/core/fsck.js';
import type { Ingest } from '@deploy-tools/registry/core/index-archive.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { hashOf } from '../contract/meta-samples.js';

/**
 * Takes texts for archives, so that tests of the rules need not make any: what matters to the rules is that files
 * appear and have hashes. A text that begins with `bad` is refused.
 */
export const textIngest: Ingest = async ({ archive, into }, signal) => {
  const text = readFileSync(archive, 'utf8');
  signal.throwIfAborted();
  if (text.startsWith('bad')) {
    throw new DeployError('invalid', 'this is not an archive', { hint: 'make it with tar' });
  }
  const manifest = write(into.manifest, `manifest of ${text}`);
  const pack = write(into.pack, `pack of ${text}`);
  return { manifest, pack, entries: 1, bytes: text.length, notes: [] };
};

/** Compares what {@link textIngest} wrote. */
export const textVerify: VerifyLayer = async (files) => {
  const [manifest, pack] = [readFileSync(files.manifest, 'utf8'), readFileSync(files.pack, 'utf8')];
  const text = manifest.slice('manifest of '.length);
  if (pack !== `pack of ${text}`) throw new DeployError('corrupt', 'the pack is of another archive');
  return {
    manifest: blobOf(manifest),
    pack: blobOf(pack),
    archive: blobOf(text),
    entries: 1,
    bytes: text.length,
    compressor: 1,
  };
};

function blobOf(content: string): { readonly hash: string; readonly size: number } {
  return { hash: hashOf(content), size: content.length };
}

function write(path: string, content: string): { readonly hash: string; readonly size: number } {
  writeFileSync(path, content);
  return blobOf(content);
}
