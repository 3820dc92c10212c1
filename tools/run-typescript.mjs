// Runs a program of the tests that is written in TypeScript, which Node.js 20 cannot: `node tools/run-typescript.mjs FILE ARGUMENT…`.
// It is joined into one module below node_modules, where its imports of npm packages are found.
import { mkdtempSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { rolldown } from 'rolldown';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const [file] = process.argv.splice(2, 1);
if (file === undefined) throw new Error('usage: node tools/run-typescript.mjs FILE [ARGUMENT…]');

const dir = mkdtempSync(join(ROOT, 'node_modules/.run-typescript-'));
try {
  const bundle = await rolldown({ input: file, cwd: ROOT, platform: 'node', external: /^[^./]/ });
  await bundle.write({ dir, format: 'es', entryFileNames: 'program.mjs' });
  await bundle.close();
  await import(pathToFileURL(join(dir, 'program.mjs')).href);
} finally {
  rmSync(dir, { recursive: true, force: true });
}
