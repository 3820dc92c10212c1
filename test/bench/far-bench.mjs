import { runWay } from './lib/deploy-ways.mjs';
import { linksBefore } from './lib/link.mjs';
import { heading, median, spread, verdict } from './lib/stats.mjs';

const ROUND_TRIP_MS = 50;
const WANTED = { cold: 3_000, update: 1_500 };

/** The same deployments over a link with a long round trip and without a limit of bandwidth; ours also without it. */
export async function farBench({ deployWays, rounds }) {
  const { dir, ways } = await deployWays();
  heading(`far: deploying over a round trip of ${ROUND_TRIP_MS} ms, ${rounds} rounds`);
  for (const { name, waits } of ways.filter((way) => way.waits !== undefined)) {
    const seconds = ((waits * ROUND_TRIP_MS) / 1000).toFixed(0);
    console.log(`  ${name} is not run: it awaits about ${waits} answers one after the other, ${seconds} s`);
  }
  const run = ways.filter(({ waits }) => waits === undefined);
  const links = await linksBefore(run, ROUND_TRIP_MS);
  const near = {};
  const far = {};
  for (let round = 0; round <= rounds; round++) {
    for (const way of round % 2 === 0 ? run : [...run].reverse()) {
      if (isOurs(way)) keep(near, await runWay(dir, way, way.server.port), round);
      keep(far, await runWay(dir, way, links.before(way).port), round);
    }
  }
  await links.stop();
  for (const [job, values] of Object.entries(far)) {
    const without = near[job] === undefined ? '' : `, without the link ${spread(near[job], 'ms')}`;
    console.log(`  ${job.padEnd(28)} ${spread(values, 'ms')}${without}`);
  }
  for (const way of run.filter(isOurs)) {
    for (const [job, most] of Object.entries(WANTED)) {
      const key = `${way.name} ${job}`;
      const more = median(far[key].map((ms, index) => ms - near[key][index]));
      verdict(`${key}, more over the link`, `${more.toFixed(0)} ms`, `at most ${most} ms`, more <= most);
    }
  }
}

const isOurs = ({ name }) => name.startsWith('ours');

/** The first round warms caches. */
function keep(times, results, round) {
  for (const [job, { ms }] of Object.entries(results)) {
    times[job] ??= [];
    if (round > 0) times[job].push(ms);
  }
}
