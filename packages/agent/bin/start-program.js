import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';

/** What a CommonJS module is a function of; and what stands in for `import()`, which cached code cannot do. */
const MODULE = ['exports', 'require', 'module', '__filename', '__dirname', 'importModule'];

/** The source of a CommonJS file as V8 compiles it. */
export function asFunction(source) {
  return `(function (${MODULE.join(', ')}) { ${source}\n})`;
}

/**
 * Runs a program that is one CommonJS file. What V8 made of it lies beside it (`.cache` for `.cjs`) and saves compiling
 * it; V8 takes it only when it is of the same version and flags, else it compiles. It does not look at the source, so
 * the names of both have the source's hash in them.
 * @param url of the file.
 */
export function startProgram(url) {
  const filename = fileURLToPath(url);
  const cachedData = readCache(filename.replace(/\.cjs$/, '.cache'));
  const source = asFunction(readFileSync(filename, 'utf8'));
  const run = new Script(source, { filename, cachedData }).runInThisContext();
  const module = { exports: {} };
  const importModule = (id) => import(id.startsWith('.') ? new URL(id, url).href : id);
  run(module.exports, createRequire(filename), module, filename, dirname(filename), importModule);
}

function readCache(path) {
  try {
    return readFileSync(path);
  } catch {
    return undefined; // whatever the reason: it is not needed
  }
}
