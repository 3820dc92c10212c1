import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A file beyond this would be most of the release by itself. */
const LARGEST = 32e6;
/** What tools leave in node_modules while they run: other bytes in every run. */
const CACHES = new Set(['.cache', '.vite', '.vite-temp', '.package-lock.json']);
const PREFIX = dirname(dirname(realpathSync(process.execPath)));
const MODULES = fileURLToPath(new URL('../../../node_modules', import.meta.url));
/** Named, with what they depend on, so that figures can be compared when this project takes other packages too. */
const PACKAGES = [
  ...[
    '@biomejs/biome',
    '@types/node',
    'better-sqlite3-12',
    'chokidar',
    'fast-check',
    'node-pty',
    'pino',
    'ssh2',
  ],
  ...['ssh2-streams', 'tar', 'typescript', 'vitest', 'yargs', 'zstd-napi'],
];

/**
 * The files and symlinks of installed packages and of Node.js itself, in a fixed order: `from` where it is, `path` below the
 * release, `size` in bytes, `mode`, and `link`, the target of a symlink.
 */
export function sourceFiles() {
  const sources = [
    ...[...withDependencies(PACKAGES)]
      .sort()
      .map((name) => [join('node_modules', name), join(MODULES, name)]),
    ['npm', join(PREFIX, 'lib/node_modules/npm')],
    ['headers', join(PREFIX, 'include/node')],
  ];
  return sources.flatMap(([path, dir]) => (existsSync(dir) ? filesBelow(dir, dir, path) : []));
}

function withDependencies(names, found = new Set()) {
  for (const name of names) {
    const path = join(MODULES, name, 'package.json');
    if (found.has(name) || !existsSync(path)) continue;
    found.add(name);
    const { dependencies, optionalDependencies } = JSON.parse(readFileSync(path, 'utf8'));
    withDependencies(Object.keys({ ...dependencies, ...optionalDependencies }), found);
  }
  return found;
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
