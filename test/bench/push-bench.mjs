import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeAgentHome } from './lib/agent-home.mjs';
import { addReleases, operatorOf } from './lib/operator.mjs';
import { program, startRegistry } from './lib/programs.mjs';
import { startProgram, stop, wallClock } from './lib/run.mjs';
import { makeSmallReleases } from './lib/small-releases.mjs';
import { offersWatch } from './lib/ssh-client.mjs';
import { heading, median, spread, verdict } from './lib/stats.mjs';

const NAME = 'push';
const DEFAULT_POLL_MS = 30_000;

/** From the end of `ssh … changeconf` to the first line of the script of an agent that runs with the default -poll. */
export async function pushBench({ dir, keys, rounds }) {
  heading(`push: from changeconf to the script, one small file, ${rounds} rounds`);
  const place = join(dir, 'push');
  const registry = await startRegistry(place, keys);
  const operator = operatorOf(registry, keys);
  await addReleases(operator, makeSmallReleases(place), NAME);
  const pushes = await offersWatch(registry, keys, NAME);
  if (!pushes) console.log('  the registry refuses `watch`: the agent polls');
  const home = makeAgentHome(join(place, 'agent'), { registry, keys, name: NAME });
  const agent = startProgram(program('deploy-agent'), home.args(registry.port), { stdio: 'ignore' });
  await scriptBegun(home);
  const times = [];
  for (let round = 0; round < rounds; round++) {
    // Right after a poll is the worst moment and the only one that a loop without this would meet.
    if (!pushes) await sleep(DEFAULT_POLL_MS * ((round * 0.618) % 1));
    operator.ssh('changeconf', NAME, round % 2 === 0 ? 'code:v2' : 'code:v1');
    const returned = wallClock();
    times.push((await scriptBegun(home)) - returned);
  }
  await stop(agent);
  await registry.stop();
  verdict(
    'changeconf to script',
    spread(times, 'ms'),
    'at most 500 ms, the aim is 100',
    median(times) <= 500,
  );
}

/** When the next script begins, in milliseconds since 1970; the script writes that down, so it may be seen later. */
async function scriptBegun(home) {
  while (!existsSync(home.stamp)) await sleep(20);
  const { at } = home.lastScript();
  rmSync(home.stamp);
  return at;
}
