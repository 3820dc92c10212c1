// Joins what `tsc` built of the programs into few files, packages/<package>/program/. Node takes about a millisecond to find,
// read and link a module, so this takes a fifth off the start of deployctl and a third off that of deploy-registry; the agent's
// is explained below (figures: docs/decisions/, docs/performance.md).
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { rolldown } from 'rolldown';
import {
  built,
  builtFiles,
  entriesOf,
  flagsOf,
  httpAgentsOfSsh2,
  nativePartOfLocks,
  ROOT,
  workersOf,
} from './built-files.mjs';

/** Stay in node_modules: those with native code, and what is large and loaded only when it is needed. */
const OUTSIDE =
  /^(ssh2|zstd-napi|fs-native-extensions|better-sqlite3(-12)?|yaml|@aws-sdk\/.*|google-auth-library|@grpc\/.*|nodemailer|yauzl|xz-decompress|unbzip2-stream|yargs)(\/|$)/;
/** Of the agent's program, parts that are imported when they are needed and are in its one file all the same. */
const IN_AGENT = ['start-configured.js', 'sync-tree.js', 'portable-ml-kem.js'];
/** Of its threads, those that an update waits for are compiled as the program is. */
const COMPILED = ['assemble-worker'];
/** Of Node.js, what takes milliseconds to load, and is loaded when it is used: some runs never do. */
const SELDOM = {
  main: ['node:http', 'node:https', 'node:dns/promises', 'assert'],
  'assemble-worker': ['node:crypto'],
};

for (const name of ['registry', 'agent', 'ctl']) {
  rmSync(join(ROOT, 'packages', name, 'program'), { recursive: true, force: true });
}
await bundleModules('registry', [built('registry', 'main.js'), ...plainWorkersOf('registry', 'sources')]);
await bundleModules('ctl', [
  ...['deployctl-main.js', 'from-docker-main.js'].map((main) => built('ctl', main)),
  ...plainWorkersOf('ctl'),
]);
await bundleModules(
  'agent',
  [...plainWorkersOf('agent', 'sources'), ...(await bundleAgent())],
  [compiledWorkers()],
);

/** Those that are not compiled. */
function plainWorkersOf(...names) {
  return workersOf(...names).filter((file) => !COMPILED.includes(basename(file, '.js')));
}

/** Files of a package that begin something, each with what it shares with none in one ES module of its name. */
async function bundleModules(name, files, plugins = []) {
  const bundle = await rolldown({ input: entriesOf(files), platform: 'node', external: OUTSIDE, plugins });
  const dir = join(ROOT, 'packages', name, 'program');
  await bundle.write({ dir, format: 'es', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' });
  await bundle.close();
}

/**
 * The agent's program is one file with all that it uses, ssh2 too, and beside it what V8 makes of that, compiled with the
 * flags that the program runs with. So are some threads.
 * @returns the files that it imports only when they are needed, to be bundled beside it.
 */
async function bundleAgent() {
  const imported = new Set();
  await bundleCompiled(built('agent', 'main.js'), imported);
  const compiled = builtFiles('agent').filter((file) => COMPILED.includes(basename(file, '.js')));
  for (const file of compiled) await bundleCompiled(file, imported);
  return [...imported];
}

/** @param file that begins something; what starts it gets its name. */
async function bundleCompiled(file, imported) {
  const dir = join(ROOT, 'packages/agent/program');
  const external = /^(cpu-features|yaml|zstd-napi|fs-native-extensions\/.*)(\/|$)/;
  const plugins = [
    importedLater(imported),
    compiledWorkers(),
    nativePartOfSsh2(),
    nativePartOfLocks(),
    httpAgentsOfSsh2(),
  ];
  const bundle = await rolldown({ input: file, platform: 'node', external, plugins });
  const { output } = await bundle.generate({ format: 'cjs', codeSplitting: false });
  await bundle.close();
  // What V8 has cached cannot import() by itself: see packages/agent/bin/start-program.cjs.
  const code = inAscii(output[0].code).replace(/\bimport\(/g, 'importModule(');
  const program = basename(file, '.js');
  const name = `${program}-${createHash('sha256').update(code).digest('hex').slice(0, 16)}.cjs`;
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, name), code);
  const compile = [
    ...flagsOf('agent', 'deploy-agent'),
    join(ROOT, 'tools/compile-program.mjs'),
    join(dir, name),
  ];
  const { status } = spawnSync(process.execPath, compile, { stdio: 'inherit' });
  if (status !== 0) throw new Error(`${name} cannot be compiled`);
  const path = `require('node:path').join(__dirname, '${name}')`;
  const lines = [
    `const { startProgram } = require('../bin/start-program.cjs');`,
    `startProgram(${path}, new Set(${JSON.stringify(SELDOM[program])}));`,
  ];
  writeFileSync(join(dir, `${program}.cjs`), `${lines.join('\n')}\n`);
}

/** Threads that are compiled are found under another name. */
function compiledWorkers() {
  const reference = new RegExp(`(["'\`])\\./(${COMPILED.join('|')})\\.js\\1`, 'g');
  return { name: 'compiled-workers', renderChunk: (code) => code.replace(reference, '"./$2.cjs"') };
}

/** What is loaded by `import()` stays out of the agent's one file; the files are added to `imported`. */
function importedLater(imported) {
  return {
    name: 'imported-later',
    async resolveId(source, importer, { kind }) {
      if (kind !== 'dynamic-import' || IN_AGENT.includes(basename(source))) return undefined;
      const ours = /^@deploy-tools\/([^/]+)\/(.+)$/.exec(source);
      if (ours === null && !source.startsWith('.')) return { id: source, external: true };
      const file = ours === null ? resolve(dirname(importer), source) : built(ours[1], ours[2]);
      imported.add(file);
      return { id: `./${basename(file)}`, external: true };
    },
  };
}

/** ssh2 finds its native part by a path relative to its own file. */
function nativePartOfSsh2() {
  const id = 'ssh2/lib/protocol/crypto/build/Release/sshcrypto.node';
  return {
    name: 'native-part-of-ssh2',
    resolveId: (source) => (source.endsWith('sshcrypto.node') ? { id, external: true } : undefined),
  };
}

/** So that V8 keeps one byte for a character: these stand in strings and comments only. */
function inAscii(code) {
  return code.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
