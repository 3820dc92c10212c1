import { join } from 'node:path';
import { program, startRegistry } from './lib/programs.mjs';
import { timed } from './lib/run.mjs';
import { heading, median, spread, verdict } from './lib/stats.mjs';

/** `deployctl components` as a whole process, connection included. */
export async function startupBench({ dir, keys, rounds }) {
  heading('start-up: deployctl components');
  const registry = await startRegistry(join(dir, 'startup'), keys);
  const args = ['-addr', registry.address, '-fp', registry.fingerprint, '-key', keys.operator, 'components'];
  const times = [];
  for (let round = 0; round <= rounds * 3; round++) {
    const ms = timed(program('deployctl'), args);
    if (round > 0) times.push(ms);
  }
  verdict('whole process', spread(times, 'ms'), 'below 250 ms', median(times) < 250);
  await registry.stop();
}
