import { createHash } from 'node:crypto';
import {
  chmodSync,
  lutimesSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { edited } from './edit-file.mjs';
import { generator } from './random.mjs';
import { output } from './run.mjs';
import { sourceFiles } from './source-files.mjs';

const ENOUGH_FILES = 12_000;
const ENOUGH_BYTES = 350e6;
const NEW_FILE_BYTES = 3e6;
/** Seconds that a build takes: the files' times lie in it. */
const BUILD_SECONDS = 180;
const FIRST_BUILD = Date.UTC(2026, 0, 5, 10) / 1000;
const WEEK = 7 * 24 * 3600;

/**
 * Two releases of an application, made of what is installed where the bench runs; the same bytes in every run on the
 * same packages. The second has fresh times on everything, one file in a hundred edited, and one new file of 3 MB.
 * @returns `old` and `fresh`, each with `tree` and `archive` {path, bytes, hash}; `files`, `treeBytes`, `changed`.
 */
export function makeReleases(dir) {
  const old = join(dir, 'release-1');
  const fresh = join(dir, 'release-2');
  const entries = writeRelease(old);
  output('cp', ['-a', old, fresh]);
  const files = entries.filter((entry) => entry.link === undefined);
  const changed = editSome(fresh, files, generator(2));
  entries.push(addFile(fresh, files));
  touch(old, entries.slice(0, -1), FIRST_BUILD, generator(3));
  touch(fresh, entries, FIRST_BUILD + WEEK, generator(4));
  return {
    files: files.length,
    treeBytes: files.reduce((sum, entry) => sum + entry.size, 0),
    changed,
    old: { tree: old, archive: pack(old) },
    fresh: { tree: fresh, archive: pack(fresh) },
  };
}

/** Copies the sources again and again, the last time only as far as needed. @returns what was written. */
function writeRelease(tree) {
  const sources = sourceFiles();
  const entries = [];
  let bytes = 0;
  for (let copy = 0; ; copy++) {
    const table = substitution(copy);
    for (const source of sources) {
      if (copy > 0 && entries.length >= ENOUGH_FILES && bytes >= ENOUGH_BYTES) return entries;
      const entry = { ...source, path: join(`app-${copy}`, source.path) };
      writeEntry(tree, entry, table);
      entries.push(entry);
      bytes += entry.link === undefined ? entry.size : 0;
    }
  }
}

function writeEntry(tree, entry, table) {
  const path = join(tree, entry.path);
  mkdirSync(dirname(path), { recursive: true });
  if (entry.link !== undefined) {
    symlinkSync(entry.link, path);
    return;
  }
  const content = readFileSync(entry.from);
  for (let at = 0; table !== undefined && at < content.length; at++) content[at] = table[content[at]];
  writeFileSync(path, content);
  chmodSync(path, entry.mode);
}

/**
 * Another byte for each byte: a copy compresses as the original does, and has nothing in common with it that a tool
 * could find twice. None for the first copy.
 */
function substitution(copy) {
  if (copy === 0) return undefined;
  const next = generator(1000 + copy);
  const table = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  for (let last = 255; last > 0; last--) {
    const other = Math.floor(next() * (last + 1));
    [table[last], table[other]] = [table[other], table[last]];
  }
  return table;
}

/** One file in a hundred, picked at random. @returns how many. */
function editSome(tree, files, next) {
  const left = [...files];
  const count = Math.round(files.length / 100);
  for (let edits = 0; edits < count; edits++) {
    const [entry] = left.splice(Math.floor(next() * left.length), 1);
    const path = join(tree, entry.path);
    const content = edited(readFileSync(path), next);
    truncateSync(path);
    writeFileSync(path, content);
  }
  return count;
}

/** Half of it noise, half of it text of the release. */
function addFile(tree, files) {
  const next = generator(5);
  const content = Buffer.alloc(NEW_FILE_BYTES);
  for (let at = 0; at < NEW_FILE_BYTES / 2; at++) content[at] = Math.floor(next() * 256);
  for (let at = NEW_FILE_BYTES / 2, index = 0; at < NEW_FILE_BYTES; index += 7) {
    at += readFileSync(join(tree, files[index % files.length].path)).copy(content, at, 0, 20_000);
  }
  const path = join('app-0', 'assets.bin');
  writeFileSync(join(tree, path), content);
  return { path, size: content.length };
}

/** Gives every file and directory a time of its own within one build, as CI does. */
function touch(tree, entries, build, next) {
  const paths = new Set(['.']);
  for (const { path } of entries) {
    for (let at = path; at !== '.'; at = dirname(at)) paths.add(at);
  }
  for (const path of paths) {
    const at = build + next() * BUILD_SECONDS;
    lutimesSync(join(tree, path), at, at);
  }
}

function pack(tree) {
  const path = `${tree}.tar.gz`;
  output('tar', ['--sort=name', '-czf', path, '-C', tree, '.']);
  return {
    path,
    bytes: statSync(path).size,
    hash: createHash('sha256').update(readFileSync(path)).digest('hex'),
  };
}
