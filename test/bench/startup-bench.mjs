import { program, startRegistry, timed } from './lib/programs.mjs';
import { median, spread, verdict } from './lib/stats.mjs';

/** `deployctl components` as a whole process, connection included. */
export async function startupBench({ dir, keys, rounds }) {
  console.log('\nstart-up: deployctl components');
  const registry = await startRegistry(dir, keys);
  const args = ['-addr', registry.address, '-fp', registry.fingerprint, '-key', keys.operator, 'components'];
  const times = [];
  for (let round = 0; round <= rounds * 3; round++) {
    const ms = timed(program('deployctl'), args);
    if (round > 0) times.push(ms);
  }
  verdict('whole process', spread(times, 'ms'), 'below 250 ms', median(times) < 250);
  await registry.stop();
}
