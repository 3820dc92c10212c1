import { join } from 'node:path';
import { makeAgentHome } from './lib/agent-home.mjs';
import { startChild } from './lib/child.mjs';
import { addReleases, operatorOf } from './lib/operator.mjs';
import { startRegistry } from './lib/programs.mjs';
import { settleDisk, wallClock } from './lib/run.mjs';
import { heading, median, megabytes, pairedRatio, spread, verdict } from './lib/stats.mjs';

const NAME = 'fleet';
const REAL_AGENTS = 4;
const CHILDREN = 4;
/** Beyond so many bytes in one round, one round says it. */
const MUCH = 2e9;

/**
 * One update taken by many agents at once: by some real ones, which share this machine's processors for unpacking,
 * and by many readers, which ask of the registry what that many agents would.
 */
export async function fleetBench({ dir, keys, releases, rounds, agents: count }) {
  heading(`fleet: the same update taken by ${REAL_AGENTS} real agents and by ${count} readers at once`);
  const place = join(dir, 'fleet');
  const filled = await startRegistry(place, keys, ['-max-conns-per-addr', '10000']);
  await addReleases(operatorOf(filled, keys), releases(), NAME);
  await filled.stop();
  const registry = await filled.restart(); // so that its peak is that of serving
  const site = { place, keys, registry, operator: operatorOf(registry, keys), rounds };
  const real = await realAgents(site);
  const readers = await readAtOnce(site, count);
  const whole = median(real.one);
  // Hosts unpack side by side; what they share is the registry, which takes so much longer for all than for one.
  const estimate = (whole + median(readers.all) - median(readers.one)) / whole;
  verdict(`${count} hosts to one`, `${estimate.toFixed(1)} times as long`, 'less than 5', estimate < 5);
  const peak = registry.peak();
  verdict('peak memory of deploy-registry', `${megabytes(peak)} MB`, 'below 300 MB', peak < 300e6);
  await registry.stop();
}

async function realAgents({ place, keys, registry, operator, rounds }) {
  const times = { one: [], all: [] };
  for (let round = 0; round <= rounds; round++) {
    operator.ssh('addconf', NAME, 'code:v1');
    const homes = Array.from({ length: REAL_AGENTS + 1 }, (_, index) =>
      makeAgentHome(join(place, `agent-${index}`), { registry, keys, name: NAME }),
    );
    for (const home of homes) await home.deploy();
    operator.ssh('changeconf', NAME, 'code:v2');
    settleDisk(place);
    const one = await homes[0].deploy();
    settleDisk(place);
    const all = await Promise.all(homes.slice(1).map((home) => home.deploy()));
    for (const home of homes) home.remove();
    if (round === 0) continue;
    times.one.push(one.ms);
    times.all.push(Math.max(...all.map(({ ms }) => ms)));
  }
  console.log(`  one agent, to its script       ${spread(times.one, 'ms')}`);
  console.log(`  ${REAL_AGENTS} agents, to the last script  ${spread(times.all, 'ms')}`);
  console.log(`  ratio ${pairedRatio(times.all, times.one).toFixed(2)}, on the processors of this machine`);
  return times;
}

async function readAtOnce(site, count) {
  const { registry, keys } = site;
  const start = () => startChild('fleet', registry.address, registry.fingerprint, keys.agent, NAME);
  const single = await start();
  const children = await Promise.all(Array.from({ length: CHILDREN }, start));
  await single.ask('connect', 1);
  await Promise.all(
    children.map((child, index) => child.ask('connect', Math.ceil((count - index) / CHILDREN))),
  );
  const times = { one: [], all: [] };
  let counted = site.rounds;
  for (let round = 0; round <= counted; round++) {
    const one = await takeUpdate(site, [single]);
    if (one.bytes * count > MUCH) counted = 1;
    const all = await takeUpdate(site, children);
    if (round === 0) continue;
    times.one.push(one.ms);
    times.all.push(all.ms);
    if (round === counted) console.log(`  each reads ${megabytes(one.bytes)} MB; ${counted} rounds`);
  }
  console.log(`  one reader                     ${spread(times.one, 'ms')}`);
  console.log(`  ${count} readers, the last one     ${spread(times.all, 'ms')}`);
  console.log(`  ratio ${pairedRatio(times.all, times.one).toFixed(2)}`);
  for (const child of [single, ...children]) await child.stop();
  return times;
}

/** @returns milliseconds until the last one has all, and the bytes that one reads. */
async function takeUpdate({ operator }, children) {
  operator.ssh('addconf', NAME, 'code:v1');
  await Promise.all(children.map((child) => child.ask('hold')));
  operator.ssh('changeconf', NAME, 'code:v2');
  const begun = wallClock();
  const done = (await Promise.all(children.map((child) => child.ask('take')))).flat();
  return { ms: Math.max(...done.map(({ at }) => at)) - begun, bytes: done[0].bytes };
}
