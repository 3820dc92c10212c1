// Figures against other tools on the same machine in the same run, as ratios of pairs. Makes its own input.
//   npm run bench -- [--rounds 5] [--only transfer,unpack,startup,watch] [--dir DIRECTORY]
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { makeArchive } from './lib/input.mjs';
import { makeKeys } from './lib/programs.mjs';
import { megabytes } from './lib/stats.mjs';
import { startupBench } from './startup-bench.mjs';
import { transferBench } from './transfer-bench.mjs';
import { unpackBench } from './unpack-bench.mjs';
import { watchBench } from './watch-bench.mjs';

const BENCHES = { startup: startupBench, transfer: transferBench, unpack: unpackBench, watch: watchBench };

const options = yargs(hideBin(process.argv))
  .option('rounds', { type: 'number', default: 5, describe: 'pairs that are counted, after one to warm up' })
  .option('only', { type: 'string', describe: `some of ${Object.keys(BENCHES).join(',')}` })
  .option('dir', { type: 'string', default: tmpdir(), describe: 'where the input is made' })
  .strict()
  .parseSync();

const chosen = options.only?.split(',') ?? Object.keys(BENCHES);
const dir = mkdtempSync(join(options.dir, 'deploy-bench-'));
try {
  const machine = `${cpus().length} × ${cpus()[0]?.model}, ${megabytes(totalmem())} MB, Node.js ${process.version}`;
  console.log(`${machine}, load ${loadavg()[0].toFixed(2)}`);
  const keys = makeKeys(dir);
  const archive = chosen.some((name) => name !== 'startup' && name !== 'watch')
    ? makeArchive(dir)
    : undefined;
  for (const name of chosen) {
    const bench = BENCHES[name];
    if (bench === undefined) throw new Error(`no bench "${name}"`);
    await bench({ dir, keys, archive, rounds: options.rounds });
  }
  console.log(`\nload ${loadavg()[0].toFixed(2)} at the end`);
} finally {
  rmSync(dir, { recursive: true, force: true });
}
