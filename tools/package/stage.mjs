import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { flagsOf, ROOT } from '../built-files.mjs';
import { bundlePackage } from './bundle.mjs';
import { cutElf } from './cut-elf.mjs';
import { copy, write } from './files.mjs';
import { ARCHITECTURES, KINDS, PACKAGES, PROGRAMS } from './kinds.mjs';
import { manualOf } from './manual.mjs';
import { fetchPinned, lockedPackage } from './pinned.mjs';
import { billOfMaterials } from './sbom.mjs';

const RUNTIME_LOCK = 'packaging/runtime/package-lock.json';
const LOCK = 'package-lock.json';

/** Of packages that stay outside of a bundle, what runs. Native parts are those of the target alone. */
const FILES = {
  yaml: () => ['package.json', 'LICENSE', 'dist'],
  'better-sqlite3': (native) => ['package.json', 'LICENSE', 'lib', `prebuilds/${native}.node`],
  'fs-native-extensions': (native) => [
    'package.json',
    'LICENSE',
    'index.js',
    `prebuilds/${native}/fs-native-extensions.node`,
  ],
};

/**
 * Makes the tree of a package: `bin/` has a launcher for each program, `lib/` Node.js and what it runs, `share/` the rest. It works
 * wherever it is put.
 */
export async function stage({ kind, arch, dir, version }) {
  const { programs, units, examples } = KINDS[kind];
  const { node, native } = ARCHITECTURES[arch];
  const runtime = lockedPackage(RUNTIME_LOCK, `node_modules/${node}`);
  const runtimeDir = await fetchPinned(runtime);
  write(join(dir, 'lib/node'), cutElf(readFileSync(join(runtimeDir, 'bin/node'))), 0o755);

  const inside = new Set();
  for (const name of new Set(programs.map((program) => PROGRAMS[program].package))) {
    const own = programs.filter((program) => PROGRAMS[program].package === name);
    const home = join(dir, 'lib', name);
    for (const part of await bundlePackage({ name, programs: own, dir: home })) inside.add(part);
    for (const need of PACKAGES[name].needs) await copyNeeded(need, { dir, native });
    write(join(home, 'package.json'), `${JSON.stringify({ type: 'module', version })}\n`);
    if (name === 'ctl') copy(join(ROOT, 'packages/ctl/completion'), join(home, 'completion'));
  }
  for (const program of programs) {
    write(join(dir, 'bin', program), launcherOf(program), 0o755);
    write(join(dir, 'share/man', `${program}.1`), manualOf(program, version));
  }
  for (const unit of units) copy(join(ROOT, 'packaging', unit), join(dir, 'share/systemd', unit));
  for (const example of examples)
    copy(join(ROOT, 'packaging', example), join(dir, 'share/examples', example));
  const parts = [...inside].sort().map((path) => lockedPackage(LOCK, path));
  for (const { name, path } of parts) copyLicense(join(ROOT, path), join(dir, 'share/licenses', name));
  copyLicense(runtimeDir, join(dir, 'share/licenses/node'));
  copyLicense(ROOT, join(dir, 'share/licenses/deploy-tools'));
  write(join(dir, 'share/sbom.cdx.json'), billOfMaterials({ kind, version, parts: [runtime, ...parts] }));
}

async function copyNeeded(name, { dir, native }) {
  const from = await fetchPinned(lockedPackage(LOCK, `node_modules/${name}`));
  for (const file of FILES[name](native)) {
    const to = join(dir, 'lib/node_modules', name, file);
    if (file.endsWith('.node')) write(to, cutElf(readFileSync(join(from, file))));
    else copy(join(from, file), to);
  }
}

/** A program is found through symlinks to its launcher. */
function launcherOf(program) {
  const { package: name, main } = PROGRAMS[program];
  const words = ['exec "$lib/node"', ...flagsOf(name, program), `"$lib/${name}/program/${main}"`, '"$@"'];
  return `#!/bin/sh\nlib=$(dirname "$(readlink -f "$0")")/../lib\n${words.join(' ')}\n`;
}

/** Some packages name a license in package.json and have no text of it. */
function copyLicense(from, to) {
  const files = existsSync(from) ? readdirSync(from) : [];
  for (const file of files.filter((name) => /^(licen[cs]e|copying|notice)/i.test(name)))
    copy(join(from, file), join(to, file));
}
