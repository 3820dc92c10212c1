// Applies the hunks of ssh2-hunks.mjs to the ssh2 that is installed. It runs before every build, and with that after every
// `npm ci`; what is applied already is left alone. A file that is neither as it was published nor as it has to be is refused.
import { createHash } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { FILES, HUNKS, VERSION } from './ssh2-hunks.mjs';

const manifest = createRequire(import.meta.url).resolve('ssh2/package.json');
const { version } = JSON.parse(readFileSync(manifest, 'utf8'));
if (version !== VERSION) fail(`ssh2 ${version} is installed, and the changes are for ${VERSION}`);

for (const [file, { published, changed }] of Object.entries(FILES)) {
  const path = join(dirname(manifest), file);
  const before = readFileSync(path, 'utf8');
  if (hashOf(before) === changed) continue;
  if (hashOf(before) !== published) fail(`ssh2/${file} is not the published one`);
  const after = HUNKS.filter((hunk) => hunk.file === file).reduce(apply, before);
  if (hashOf(after) !== changed)
    fail(`ssh2/${file} would become ${hashOf(after)}, which tools/ssh2-hunks.mjs does not have`);
  writeFileSync(`${path}.new`, after); // a build that is cut off leaves no half-written file
  renameSync(`${path}.new`, path);
}

function apply(text, { file, find, replace }) {
  if (text.split(find).length !== 2) fail(`ssh2/${file} does not have this exactly once:\n${find}`);
  return text.replace(find, () => replace);
}

function hashOf(text) {
  return createHash('sha256').update(text).digest('hex');
}

function fail(reason) {
  console.error(
    `patch-ssh2: ${reason}; run npm ci, and after a change of ssh2 or of the hunks see docs/ssh-floor.md`,
  );
  process.exit(1);
}
