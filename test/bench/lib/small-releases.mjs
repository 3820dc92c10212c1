import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { output } from './run.mjs';

/** Two releases of one small file each, for benches that are about the way there and not about bytes. */
export function makeSmallReleases(dir) {
  mkdirSync(dir, { recursive: true });
  const [old, fresh] = ['old', 'fresh'].map((name) => {
    writeFileSync(join(dir, 'release.txt'), `the ${name} one\n`);
    const path = join(dir, `${name}.tar.gz`);
    output('tar', ['-czf', path, '-C', dir, 'release.txt']);
    return { archive: { path, hash: createHash('sha256').update(readFileSync(path)).digest('hex') } };
  });
  return { old, fresh };
}
