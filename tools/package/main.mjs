// npm run package -- [-out DIRECTORY] [-arch x64,arm64] [-only deploy-agent,…] [-formats tar.gz,tar.xz,deb,rpm]
// Self-contained packages of the programs: Node.js, all that they load, units, pages. Made of packages from npm alone, by hash;
// the same commit gives the same bytes. See docs/packaging.md.
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { ROOT } from '../built-files.mjs';
import { ARCHITECTURES, KINDS } from './kinds.mjs';
import { must } from './must.mjs';
import { stage } from './stage.mjs';
import { writeDeb } from './write-deb.mjs';
import { writeRpm } from './write-rpm.mjs';
import { writeTar } from './write-tar.mjs';

const FORMATS = ['tar.gz', 'tar.xz', 'deb', 'rpm'];

/** `-out` as Go programs have it, as well as `--out`. */
const words = hideBin(process.argv).map((word) => word.replace(/^-(?=[a-z]{2})/, '--'));
const list = (known) => ({ type: 'string', default: known.join(','), coerce: (text) => chosen(text, known) });
const options = yargs(words)
  .option('out', { type: 'string', default: join(ROOT, 'dist/packages') })
  .option('arch', list(Object.keys(ARCHITECTURES)))
  .option('only', list(Object.keys(KINDS)))
  .option('formats', list(FORMATS))
  .strict()
  .parseSync();

const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const out = resolve(options.out);
const time = commitTime();
mkdirSync(out, { recursive: true });
const made = [];
for (const arch of options.arch)
  for (const kind of options.only) made.push(...(await makePackages(kind, arch)));
const sums = made.sort().map((name) => `${hashOf(join(out, name))}  ${name}\n`);
writeFileSync(join(out, 'SHA256SUMS'), sums.join(''));

async function makePackages(kind, arch) {
  const work = mkdtempSync(join(tmpdir(), 'deploy-package-'));
  try {
    const name = `${kind}-${version}-linux-${arch}`;
    const staged = join(work, name);
    await stage({ kind, arch, dir: staged, version });
    const formats = options.formats.filter((format) => format.startsWith('tar') || kind !== 'deploy-tools');
    const names = [];
    for (const format of formats) {
      const target = { kind, arch, version, staged, work: join(work, format), time };
      mkdirSync(target.work);
      const file = await writePackage(format, name, target);
      if (file === undefined) continue;
      console.log(`${file}  ${(statSync(join(out, file)).size / 1e6).toFixed(1)} MB`);
      names.push(file);
    }
    return names;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** @returns the name of the file; undefined where this machine cannot make it. */
async function writePackage(format, name, target) {
  const { kind, arch, version: of, staged } = target;
  if (format === 'deb') {
    const file = `${kind}_${of}_${ARCHITECTURES[arch].deb}.deb`;
    await writeDeb({ ...target, to: join(out, file) });
    return file;
  }
  if (format === 'rpm') return writeRpm({ ...target, out });
  const file = `${name}.${format}`;
  await writeTar({ dir: staged, root: name, to: join(out, file), time });
  return file;
}

/** Of the commit that is packed, or SOURCE_DATE_EPOCH: https://reproducible-builds.org/specs/source-date-epoch/ */
function commitTime() {
  const seconds =
    process.env.SOURCE_DATE_EPOCH ?? must('git', ['log', '-1', '--format=%ct'], { cwd: ROOT }).trim();
  return new Date(Number(seconds) * 1000);
}

function hashOf(file) {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

function chosen(text, known) {
  const names = text.split(',');
  for (const name of names)
    if (!known.includes(name)) throw new Error(`"${name}" is none of ${known.join(', ')}`);
  return names;
}
