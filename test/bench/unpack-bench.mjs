import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { measured, timed } from './lib/run.mjs';
import { heading, megabytes, memoryVerdict, pairedRatio, spread, verdict } from './lib/stats.mjs';

const CHILD = fileURLToPath(new URL('./processes/unpack-once.mjs', import.meta.url));

/** Unpacking: ours, a whole process, against GNU `tar xzf` in alternating pairs on the same archive. */
export async function unpackBench({ dir, archive: input, rounds }) {
  const archive = input();
  heading(`unpacking: ${archive.files} files, ${megabytes(archive.treeBytes)} MB, ${rounds} pairs`);
  const times = { ours: [], tar: [] };
  let peakBytes = 0;
  for (let round = 0; round <= rounds; round++) {
    for (const who of round % 2 === 0 ? ['ours', 'tar'] : ['tar', 'ours']) {
      const into = join(dir, 'into');
      mkdirSync(into);
      let ms;
      if (who === 'tar') ms = timed('tar', ['xzf', archive.path, '-C', into]);
      else {
        const run = await measured(process.execPath, [CHILD, archive.path, into]);
        peakBytes = Math.max(peakBytes, run.peakBytes);
        ms = run.ms;
      }
      rmSync(into, { recursive: true });
      if (round > 0) times[who].push(ms);
    }
  }
  console.log(`  ours     ${spread(times.ours, 'ms')}\n  tar xzf  ${spread(times.tar, 'ms')}`);
  const ratio = pairedRatio(times.tar, times.ours);
  verdict('unpacking speed, ours to tar xzf', ratio.toFixed(2), 'at least 1', ratio >= 1);
  memoryVerdict('unpacking', peakBytes);
}
