// Joins what `tsc` built of the programs into few files, packages/<package>/program/. Node takes about a millisecond to find,
// read and link a module, so this takes a fifth off the start of deployctl and deploy-agent, and a third off that of
// deploy-registry (figures: docs/decisions.md).
import { readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const MAINS = {
  registry: ['main.js'],
  agent: ['main.js'],
  ctl: ['deployctl-main.js', 'from-docker-main.js'],
};
/** Stay in node_modules: those with native code, and what is large and loaded when it is needed. */
const OUTSIDE =
  /^(ssh2|zstd-napi|fs-native-extensions|pino-pretty|better-sqlite3|@aws-sdk|google-auth-library)(\/|$)/;

for (const [name, mains] of Object.entries(MAINS)) {
  const dist = join(ROOT, 'packages', name, 'dist');
  // A worker's file is found beside the program's: `new URL('./x-worker.js', import.meta.url)`.
  const workers = readdirSync(dist, { recursive: true }).filter((file) => file.endsWith('-worker.js'));
  const input = Object.fromEntries(
    [...mains, ...workers].map((file) => [basename(file, '.js'), join(dist, file)]),
  );
  const dir = join(ROOT, 'packages', name, 'program');
  rmSync(dir, { recursive: true, force: true });
  const bundle = await rolldown({ input, platform: 'node', external: OUTSIDE });
  await bundle.write({ dir, format: 'es', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' });
  await bundle.close();
}
