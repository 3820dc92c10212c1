import { join, relative } from 'node:path';
import { rolldown } from 'rolldown';
import { built, entriesOf, httpAgentsOfSsh2, nativePartOfLocks, ROOT, workersOf } from '../built-files.mjs';
import { PACKAGES, PROGRAMS } from './kinds.mjs';

/**
 * Loaded by require() from node_modules/, and only what has to be. A package carries a Node.js that has zstd itself, and OpenSSL's
 * ciphers serve ssh2 as well as its native part does.
 */
const OUTSIDE =
  /^(cpu-features|zstd-napi|better-sqlite3(-12)?|fs-native-extensions\/.*|yaml)(\/|$)|sshcrypto\.node$/;

/** What CommonJS modules are given, and parts of ssh2 use. */
const COMMONJS = { define: { __dirname: 'import.meta.dirname', __filename: 'import.meta.filename' } };

/**
 * Writes the programs of one of our packages with all the JavaScript that they use.
 * @param programs of this package. @returns the directories, below the project's, of npm's packages that are part of it.
 */
export async function bundlePackage({ name, programs, dir }) {
  const mains = programs.map((program) => built(name, PROGRAMS[program].main));
  const files = [...mains, ...workersOf(...PACKAGES[name].workers)];
  const plugins = [httpAgentsOfSsh2(), nativePartOfLocks()];
  const input = entriesOf(files);
  const bundle = await rolldown({ input, platform: 'node', external: OUTSIDE, transform: COMMONJS, plugins });
  const names = { entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' };
  const { output } = await bundle.write({ dir: join(dir, 'program'), format: 'es', ...names });
  await bundle.close();
  const modules = output.flatMap((chunk) => Object.keys(chunk.modules ?? {}));
  const packages = modules.flatMap((module) => packageOf(module) ?? []);
  return [...new Set([...packages, ...PACKAGES[name].needs.map((need) => `node_modules/${need}`)])].sort();
}

/** The directory, below the project's, of the package from npm that a module belongs to; undefined for ours. */
function packageOf(module) {
  const within = /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(module)?.[1];
  return within === undefined ? undefined : relative(ROOT, within);
}
