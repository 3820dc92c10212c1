const { readFileSync } = require('node:fs');
const { dirname } = require('node:path');
const { pathToFileURL } = require('node:url');
const { Script } = require('node:vm');

/** What a CommonJS module is a function of; and what stands in for `import()`, which cached code cannot do. */
const MODULE = ['exports', 'require', 'module', '__filename', '__dirname', 'importModule'];

/** The source of a CommonJS file as V8 compiles it. */
function asFunction(source) {
  return `(function (${MODULE.join(', ')}) { ${source}\n})`;
}

/**
 * Runs a program that is one CommonJS file. What V8 made of it lies beside it (`.cache` for `.cjs`) and saves compiling
 * it; V8 takes it only when it is of the same version and flags, else it compiles. It does not look at the source, so
 * the names of both have the source's hash in them.
 * @param filename absolute.
 * @param seldom modules that are loaded when they are used.
 */
function startProgram(filename, seldom) {
  const cachedData = readCache(filename.replace(/\.cjs$/, '.cache'));
  const source = asFunction(readFileSync(filename, 'utf8'));
  const run = new Script(source, { filename, cachedData }).runInThisContext();
  const module = { exports: {} };
  const importModule = (id) => import(id.startsWith('.') ? new URL(id, pathToFileURL(filename)).href : id);
  const requireModule = (id) => (seldom.has(id) ? whenUsed(id) : require(id));
  run(module.exports, requireModule, module, filename, dirname(filename), importModule);
}

function readCache(path) {
  try {
    return readFileSync(path);
  } catch {
    return undefined; // whatever the reason: it is not needed
  }
}

/** A module, or a function that has properties too, that is loaded at its first use. */
function whenUsed(id) {
  return new Proxy(() => {}, {
    get: (_, key) => require(id)[key],
    apply: (_, self, args) => Reflect.apply(require(id), self, args),
  });
}

module.exports = { asFunction, startProgram };
