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
/** Of which packages the threads are needed by a program. */
const WORKERS_OF = { registry: ['registry', 'sources'], agent: ['agent', 'sources'], ctl: ['ctl'] };
/** Stay in node_modules: those with native code, and what is large and loaded only when it is needed. */
const OUTSIDE =
  /^(ssh2|zstd-napi|fs-native-extensions|better-sqlite3|pino-pretty|@aws-sdk\/.*|google-auth-library|@grpc\/.*|nodemailer|yauzl|xz-decompress|unbzip2-stream)(\/|$)/;

for (const [name, mains] of Object.entries(MAINS)) {
  const dist = join(ROOT, 'packages', name, 'dist');
  // A worker's file is found beside the program's: `new URL('./x-worker.js', import.meta.url)`.
  const workers = WORKERS_OF[name].flatMap((of) => {
    const built = join(ROOT, 'packages', of, 'dist');
    const files = readdirSync(built, { recursive: true }).filter((file) => file.endsWith('-worker.js'));
    return files.map((file) => join(built, file));
  });
  const input = Object.fromEntries(
    [...mains.map((file) => join(dist, file)), ...workers].map((file) => [basename(file, '.js'), file]),
  );
  const dir = join(ROOT, 'packages', name, 'program');
  rmSync(dir, { recursive: true, force: true });
  const bundle = await rolldown({ input, platform: 'node', external: OUTSIDE });
  await bundle.write({ dir, format: 'es', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' });
  await bundle.close();
}
