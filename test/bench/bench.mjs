// Figures against other tools on the same machine in the same run, as ratios of pairs. Makes its own input.
//   npm run bench -- [--rounds 5] [--only deploy,wire] [--dir DIRECTORY] [--watchers 1000] [--agents 100]
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { deployBench } from './deploy-bench.mjs';
import { farBench } from './far-bench.mjs';
import { fleetBench } from './fleet-bench.mjs';
import { startDeployWays } from './lib/deploy-ways.mjs';
import { makeArchive } from './lib/input.mjs';
import { makeKeys } from './lib/programs.mjs';
import { makeReleases } from './lib/releases.mjs';
import { output } from './lib/run.mjs';
import { megabytes } from './lib/stats.mjs';
import { manifestBench } from './manifest-bench.mjs';
import { pushBench } from './push-bench.mjs';
import { releasesBench } from './releases-bench.mjs';
import { rollbackBench } from './rollback-bench.mjs';
import { startupBench } from './startup-bench.mjs';
import { transferBench } from './transfer-bench.mjs';
import { unpackBench } from './unpack-bench.mjs';
import { uploadBench } from './upload-bench.mjs';
import { watchersBench } from './watchers-bench.mjs';
import { wireBench } from './wire-bench.mjs';

const BENCHES = {
  startup: startupBench,
  transfer: transferBench,
  unpack: unpackBench,
  releases: releasesBench,
  upload: uploadBench,
  deploy: deployBench,
  wire: wireBench,
  far: farBench,
  push: pushBench,
  watchers: watchersBench,
  fleet: fleetBench,
  rollback: rollbackBench,
  manifest: manifestBench,
};

const options = yargs(hideBin(process.argv))
  .option('rounds', { type: 'number', default: 5, describe: 'rounds that are counted, after one to warm up' })
  .option('only', { type: 'string', describe: `some of ${Object.keys(BENCHES).join(',')}` })
  .option('dir', { type: 'string', default: tmpdir(), describe: 'where everything is made, about 4 GB' })
  .option('watchers', { type: 'number', default: 1_000, describe: 'agents that watch at once' })
  .option('agents', { type: 'number', default: 100, describe: 'agents that take one update at once' })
  .strict()
  .parseSync();

const chosen = options.only?.split(',') ?? Object.keys(BENCHES);
for (const name of chosen) if (!Object.hasOwn(BENCHES, name)) throw new Error(`no bench "${name}"`);
const dir = mkdtempSync(join(options.dir, 'deploy-bench-'));
const closing = [];
process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    console.log(`ended by ${signal}`);
    process.exit(1);
  });
}
try {
  const machine = `${cpus().length} × ${cpus()[0]?.model}, ${megabytes(totalmem())} MB, Node.js ${process.version}`;
  const fileSystem = output('df', ['--output=fstype', dir]).trim().split('\n').at(-1);
  console.log(`${machine}, ${fileSystem}, load ${loadavg()[0].toFixed(2)}`);
  const context = makeContext();
  for (const name of chosen) await BENCHES[name](context);
  console.log(`\nload ${loadavg()[0].toFixed(2)} at the end`);
} finally {
  for (const close of closing.reverse()) await close();
}

/** What benches share is made when the first one asks for it. */
function makeContext() {
  const keys = makeKeys(dir);
  const releases = once(() => makeReleases(dir));
  const deployWays = once(async () => {
    const started = await startDeployWays({ dir, keys, releases });
    closing.push(started.stop);
    return started;
  });
  const { rounds, watchers, agents } = options;
  return { dir, keys, rounds, watchers, agents, archive: once(() => makeArchive(dir)), releases, deployWays };
}

function once(make) {
  let made;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
