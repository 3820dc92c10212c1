import { existsSync, lstatSync, readdirSync, readlinkSync, realpathSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A file beyond this would be most of the release by itself. */
const LARGEST = 32e6;
/** What tools leave in node_modules while they run: other bytes in every run. */
const CACHES = new Set(['.cache', '.vite', '.vite-temp', '.package-lock.json']);
const PREFIX = dirname(dirname(realpathSync(process.execPath)));
const SOURCES = {
  node_modules: fileURLToPath(new URL('../../../node_modules', import.meta.url)),
  npm: join(PREFIX, 'lib/node_modules/npm'),
  headers: join(PREFIX, 'include/node'),
};

/**
 * The files and symlinks of the packages of this workspace and of Node.js itself, in a fixed order: `from` where it
 * is, `path` below the release, `size` in bytes, `mode`, and `link`, the target of a symlink.
 */
export function sourceFiles() {
  return Object.entries(SOURCES).flatMap(([name, dir]) =>
    existsSync(dir) ? filesBelow(dir, dir, name) : [],
  );
}

function filesBelow(root, dir, path) {
  return readdirSync(dir)
    .filter((name) => !CACHES.has(name))
    .sort()
    .flatMap((name) => {
      const from = join(dir, name);
      const found = lstatSync(from);
      const entry = { from, path: join(path, name), size: found.size, mode: found.mode & 0o755 };
      if (found.isDirectory()) return filesBelow(root, from, entry.path);
      if (found.isSymbolicLink()) return staysIn(root, from) ? [{ ...entry, link: readlinkSync(from) }] : [];
      return found.isFile() && found.size <= LARGEST ? [entry] : [];
    });
}

/** The links of the workspace to its own packages do not. */
function staysIn(root, link) {
  return existsSync(link) && realpathSync(link).startsWith(realpathSync(root) + sep);
}
