// Joins what `tsc` built of the programs that start often into few files, packages/<package>/program/. Node takes about a
// millisecond to find, read and link a module, so this takes a fifth off the start of deployctl and deploy-agent (figures:
// docs/decisions.md).
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const ES_MAINS = { agent: [], ctl: ['deployctl-main.js', 'from-docker-main.js'] };
/** Stay in node_modules: those with native code, and pino-pretty, which is loaded for a terminal only. */
const OUTSIDE = /^(ssh2|zstd-napi|fs-native-extensions|pino-pretty)(\/|$)/;

for (const [name, mains] of Object.entries(ES_MAINS)) {
  const dist = join(ROOT, 'packages', name, 'dist');
  const dir = join(ROOT, 'packages', name, 'program');
  rmSync(dir, { recursive: true, force: true });
  // A worker's file is found beside the program's: `new URL('./x-worker.js', import.meta.url)`.
  const workers = readdirSync(dist, { recursive: true }).filter((file) => file.endsWith('-worker.js'));
  const input = Object.fromEntries(
    [...mains, ...workers].map((file) => [basename(file, '.js'), join(dist, file)]),
  );
  const bundle = await rolldown({ input, platform: 'node', external: OUTSIDE });
  await bundle.write({ dir, format: 'es', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' });
  await bundle.close();
}
await bundleAgent();

/**
 * The agent's program is one file with all that it uses, ssh2 too, and beside it what V8 makes of that, compiled with the
 * flags that the program runs with.
 */
async function bundleAgent() {
  const dir = join(ROOT, 'packages/agent/program');
  const input = { main: join(ROOT, 'packages/agent/dist/main.js') };
  const external = /^(cpu-features|yaml|zstd-napi|fs-native-extensions\/.*|pino-pretty)(\/|$)/;
  const plugins = [nativePartOfSsh2(), nativePartOfLocks()];
  const bundle = await rolldown({ input, platform: 'node', external, plugins });
  const { output } = await bundle.generate({ format: 'cjs', codeSplitting: false });
  await bundle.close();
  const code = inAscii(output[0].code);
  if (/\bimport\(/.test(code)) throw new Error('what V8 has cached cannot import(): use createRequire');
  const name = `main-${createHash('sha256').update(code).digest('hex').slice(0, 16)}.cjs`;
  writeFileSync(join(dir, name), code);
  const compile = [...agentFlags(), join(ROOT, 'tools/compile-program.mjs'), join(dir, name)];
  const { status } = spawnSync(process.execPath, compile, { stdio: 'inherit' });
  if (status !== 0) throw new Error(`${name} cannot be compiled`);
  const start = `startProgram(new URL('./${name}', import.meta.url));`;
  writeFileSync(join(dir, 'main.js'), `import { startProgram } from '../bin/start-program.js';\n${start}\n`);
}

/** What its first lines start Node.js with. */
function agentFlags() {
  const bin = readFileSync(join(ROOT, 'packages/agent/bin/deploy-agent.js'), 'utf8');
  return /^':' \/\/; exec node (.*) "\$0"/m.exec(bin)[1].split(' ');
}

/** ssh2 finds its native part by a path relative to its own file. */
function nativePartOfSsh2() {
  const id = 'ssh2/lib/protocol/crypto/build/Release/sshcrypto.node';
  return {
    name: 'native-part-of-ssh2',
    resolveId: (source) => (source.endsWith('sshcrypto.node') ? { id, external: true } : undefined),
  };
}

/** fs-native-extensions searches for its native part, which takes 10 ms; where it is on this kind of host is tried first. */
function nativePartOfLocks() {
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

/** So that V8 keeps one byte for a character: these stand in strings and comments only. */
function inAscii(code) {
  return code.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
