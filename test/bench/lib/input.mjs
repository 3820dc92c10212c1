import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generator } from './random.mjs';

const DIRECTORIES = 600;

/**
 * A tree as a deployed application has it: most files small, a few large ones that hold most of the bytes; always the
 * same bytes. About 27 kB a file on average, of which a third is left when compressed.
 * @returns its size in bytes.
 */
export function makeTree(tree, files = 12_000) {
  const next = generator(42);
  let bytes = 0;
  for (let index = 0; index < DIRECTORIES; index++) mkdirSync(directoryOf(tree, index), { recursive: true });
  for (let index = 0; index < files; index++) {
    const size = sizeOf(next());
    writeFileSync(join(directoryOf(tree, index % DIRECTORIES), `file-${index}.js`), content(size, next));
    bytes += size;
  }
  return bytes;
}

/** The tree as tar.gz beside it, the tree removed. */
export function makeArchive(dir, files = 12_000) {
  const tree = join(dir, 'input-tree');
  const bytes = makeTree(tree, files);
  const path = join(dir, 'input.tar.gz');
  const packed = spawnSync('tar', ['czf', path, '-C', tree, '.'], { encoding: 'utf8' });
  if (packed.status !== 0) throw new Error(packed.stderr);
  rmSync(tree, { recursive: true });
  return { path, files, treeBytes: bytes, bytes: statSync(path).size };
}

function directoryOf(tree, index) {
  return join(tree, `package-${index % 60}`, `part-${Math.floor(index / 60)}`);
}

function sizeOf(random) {
  if (random < 0.6) return Math.floor(200 + random * 6_000);
  if (random < 0.97) return Math.floor(4_000 + (random - 0.6) * 60_000);
  return Math.floor(400_000 + (random - 0.97) * 22_000_000);
}

/** About a quarter is noise, the rest repeats: it compresses as code and libraries do. */
function content(size, next) {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size; ) {
    const run = Math.min(size - at, 16 + Math.floor(next() * 48));
    if (at > 2_000 && next() < 0.74) {
      const from = Math.max(0, at - 1 - Math.floor(next() * 1_900) - run);
      bytes.copy(bytes, at, from, from + run);
    } else {
      for (let end = at + run, to = at; to < end; to++) bytes[to] = 32 + Math.floor(next() * 96);
    }
    at += run;
  }
  return bytes;
}
