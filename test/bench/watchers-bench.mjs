import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startChild } from './lib/child.mjs';
import { addReleases, configurationHash, operatorOf } from './lib/operator.mjs';
import { cpuSeconds, residentMemory } from './lib/process-usage.mjs';
import { startRegistry } from './lib/programs.mjs';
import { wallClock } from './lib/run.mjs';
import { makeSmallReleases } from './lib/small-releases.mjs';
import { connectSsh, execSsh, offersWatch } from './lib/ssh-client.mjs';
import { heading, megabytes, percentile, verdict } from './lib/stats.mjs';

const NAME = 'watched';
const CHILDREN = 4;
const IDLE_SECONDS = 10;
const SAMPLE_MS = 500;

/** Many agents that only wait: what they cost, how fast all are told, and their return after a restart. */
export async function watchersBench({ dir, keys, watchers: count, rounds }) {
  heading(`watchers: ${count} agents that wait`);
  const place = join(dir, 'watchers');
  const releases = makeSmallReleases(place);
  const registry = await startRegistry(place, keys, [
    '-max-conns-per-addr',
    '100000',
    '-max-conns',
    '100000',
  ]);
  const operator = operatorOf(registry, keys);
  await addReleases(operator, releases, NAME);
  if (await offersWatch(registry, keys, NAME)) {
    const site = { registry, keys, releases, count, rounds };
    await withWatchers(site, operator);
  } else console.log('  skipped: this registry refuses `watch` to agents');
  await registry.stop();
}

async function withWatchers(site, operator) {
  const { registry, keys, count } = site;
  const before = residentMemory(registry.pid);
  const children = await Promise.all(
    Array.from({ length: CHILDREN }, () => startChild('watchers', registry.port, keys.agent, NAME)),
  );
  const begun = performance.now();
  await askAll(children, 'connect', (index) => Math.ceil((count - index) / CHILDREN));
  console.log(`  all connected within ${((performance.now() - begun) / 1000).toFixed(1)} s`);
  await idle(registry, count, before);
  await pushes(site, children);
  const restarted = await restart(site, children);
  operator.ssh('components'); // it serves operators as before
  for (const child of children) await child.stop();
  await restarted.stop();
}

async function idle(registry, count, before) {
  const cpu = cpuSeconds(registry.pid);
  await sleep(IDLE_SECONDS * 1000);
  const busy = ((cpuSeconds(registry.pid) - cpu) / IDLE_SECONDS) * 100;
  const each = (residentMemory(registry.pid) - before) / count / 1000;
  verdict('registry memory for each', `${each.toFixed(1)} KB`, 'below 60 KB', each < 60);
  console.log(`  processor of the idle registry: ${busy.toFixed(1)} % of one core over ${IDLE_SECONDS} s`);
}

/** From the reply to changeconf, on a connection that stands, to each watcher. */
async function pushes({ registry, keys, releases, rounds }, children) {
  const client = await connectSsh({ port: registry.port, user: 'bench', keyFile: keys.operator });
  const fromReply = [];
  const fromSending = [];
  for (let round = 0; round <= rounds; round++) {
    const [version, release] = round % 2 === 0 ? ['v2', releases.fresh] : ['v1', releases.old];
    const told = askAll(children, 'reached', () => configurationHash(release.archive));
    const sent = wallClock();
    await execSsh(client, `changeconf ${NAME} code:${version}`);
    const replied = wallClock();
    const at = (await told).flat();
    if (round === 0) continue;
    fromReply.push(...at.map((time) => time - replied));
    fromSending.push(...at.map((time) => time - sent));
  }
  client.end();
  const show = (times) => [0.5, 0.99, 1].map((part) => percentile(times, part).toFixed(1)).join(' / ');
  const p99 = percentile(fromReply, 0.99);
  console.log(
    `  from sending changeconf to each: ${show(fromSending)} ms (p50 / p99 / most), its commit included`,
  );
  verdict('p50 / p99 / most from its reply', `${show(fromReply)} ms`, 'p99 below 100 ms', p99 < 100);
}

async function restart({ registry }, children) {
  const back = askAll(children, 'returned', () => undefined);
  const stopped = wallClock();
  await registry.stop();
  const restarted = await registry.restart();
  const ready = wallClock();
  const load = sampleLoad(restarted.pid);
  const replies = await back;
  load.stop();
  const at = replies.flatMap((reply) => reply.at.map((time) => time - ready));
  const seconds = (ms) => (ms / 1000).toFixed(1);
  console.log(
    `  restart: down for ${seconds(ready - stopped)} s; back after it was ready: half ${seconds(percentile(at, 0.5))} s, all ${seconds(Math.max(...at))} s`,
  );
  console.log(
    `  meanwhile its processor at most ${load.peak().toFixed(0)} % of one core, memory ${megabytes(restarted.peak())} MB`,
  );
  const failures = replies.flatMap((reply) => Object.entries(reply.failures));
  const other = failures.filter(([message]) => !message.includes('ECONNREFUSED'));
  verdict(
    'failures but for "refused" while it was down',
    JSON.stringify(Object.fromEntries(other)),
    'none',
    other.length === 0,
  );
  return restarted;
}

/** The most that a process uses of one core in any sample, in percent. */
function sampleLoad(pid) {
  let last = { cpu: cpuSeconds(pid), at: performance.now() };
  let peak = 0;
  const timer = setInterval(() => {
    const now = { cpu: cpuSeconds(pid), at: performance.now() };
    peak = Math.max(peak, ((now.cpu - last.cpu) / (now.at - last.at)) * 100_000);
    last = now;
  }, SAMPLE_MS);
  return { peak: () => peak, stop: () => clearInterval(timer) };
}

const askAll = (children, command, input) =>
  Promise.all(children.map((child, index) => child.ask(command, input(index))));
