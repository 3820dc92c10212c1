import { readFileSync, writeFileSync } from 'node:fs';
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

function write(path: string, content: string): { readonly hash: string; readonly size: number } {
  writeFileSync(path, content);
  return { hash: hashOf(content), size: content.length };
}
