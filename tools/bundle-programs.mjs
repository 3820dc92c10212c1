// Joins what `tsc` built of the programs that start often into few files, packages/<package>/program/. Node takes about a
// millisecond to find, read and link a module, so this takes a fifth off the start of deployctl and deploy-agent (figures:
// docs/decisions.md).
import { readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
/** Of which packages the threads are needed by a program. */
const WORKERS_OF = { agent: ['agent', 'sources'], ctl: ['ctl'] };
const MAINS = { agent: ['main.js'], ctl: ['deployctl-main.js', 'from-docker-main.js'] };
/** Stay in node_modules: those with native code, and what is large and loaded when it is needed. */
const OUTSIDE = /^(ssh2|zstd-napi|fs-native-extensions|pino-pretty|@aws-sdk\/.*|google-auth-library)(\/|$)/;

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
