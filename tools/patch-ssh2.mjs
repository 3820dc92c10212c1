// Applies the hunks of ssh2-hunks.mjs to the ssh2 that is installed; a hunk that is there already is left alone, so this may run
// any number of times. It runs before every build, and with that after every `npm ci`.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { HUNKS, VERSION } from './ssh2-hunks.mjs';

const manifest = createRequire(import.meta.url).resolve('ssh2/package.json');
const { version } = JSON.parse(readFileSync(manifest, 'utf8'));
if (version !== VERSION) {
  fail(
    `ssh2 ${version} is installed, and the hunks are for ${VERSION}: run npm ci, or make them anew and check docs/ssh-floor.md`,
  );
}

for (const file of new Set(HUNKS.map((hunk) => hunk.file))) {
  const path = join(dirname(manifest), file);
  const before = readFileSync(path, 'utf8');
  const after = HUNKS.filter((hunk) => hunk.file === file).reduce(apply, before);
  if (after === before) continue;
  writeFileSync(`${path}.new`, after); // a build that is cut off leaves no half-written file
  renameSync(`${path}.new`, path);
}

function apply(text, { file, find, replace }) {
  if (text.includes(replace)) return text;
  if (text.split(find).length !== 2) fail(`ssh2/${file} does not have this exactly once:\n${find}`);
  return text.replace(find, () => replace);
}

function fail(reason) {
  console.error(`patch-ssh2: ${reason}`);
  process.exit(1);
}
