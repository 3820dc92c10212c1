// What `tsc` has built, as the bundles take it.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** The module that `tsc` made of a source file of a package. */
export function built(name, file) {
  return join(ROOT, 'packages', name, 'dist', file);
}

/** What `tsc` made of the sources that are there: of files that were moved since, it leaves what it made of them before. */
export function builtFiles(name) {
  const sources = readdirSync(join(ROOT, 'packages', name, 'src'), { recursive: true });
  return sources
    .filter((file) => file.endsWith('.ts'))
    .map((file) => built(name, file.replace(/\.ts$/, '.js')));
}

/** The threads and processes of packages. Each is found beside the program's file: `new URL('./x-worker.js', import.meta.url)`. */
export function workersOf(...names) {
  return names.flatMap((name) => builtFiles(name).filter((file) => file.endsWith('-worker.js')));
}

/** Files that begin something, by the names that they get in a bundle. */
export function entriesOf(files) {
  const input = Object.fromEntries(files.map((file) => [basename(file, '.js'), file]));
  if (Object.keys(input).length < files.length) throw new Error(`two of ${files} have the same name`);
  return input;
}

/** The flags of Node.js that the first lines of a program's file start it with; none where node starts it. @param name of its package. */
export function flagsOf(name, program) {
  const home = join(ROOT, 'packages', name);
  const { bin } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'));
  const file = readFileSync(join(home, bin[program]), 'utf8');
  return /^':' \/\/; exec node (.*) "\$0"/m.exec(file)?.[1].split(' ') ?? [];
}

/** ssh2 comes with agents for HTTP over SSH, which nobody here uses, and with them all that Node.js has of HTTP and TLS. */
export function httpAgentsOfSsh2() {
  return {
    name: 'http-agents-of-ssh2',
    load: (id) => (id.endsWith('/ssh2/lib/http-agents.js') ? { code: '', moduleType: 'js' } : undefined),
  };
}

/** fs-native-extensions searches for its native part, which takes 10 ms; where it is on this kind of host is tried first. */
export function nativePartOfLocks() {
  const name = 'fs-native-extensions';
  const code = `
    let binding;
    try {
      binding = require('${name}/prebuilds/${process.platform}-${process.arch}/${name}.node');
    } catch {
      binding = require('${name}/binding.js');
    }
    module.exports = binding;`;
  return {
    name: 'native-part-of-locks',
    load: (id) => (id.endsWith(`/${name}/binding.js`) ? { code, moduleType: 'js' } : undefined),
  };
}
