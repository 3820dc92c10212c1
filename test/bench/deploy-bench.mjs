import { AS_THE_ORIGINAL, BY_DEFAULT, runWay } from './lib/deploy-ways.mjs';
import { heading, memoryVerdict, pairedRatio, spread, verdict } from './lib/stats.mjs';

/**
 * A first release and the next one on a host: from the start of the agent to the first line of its script, against
 * the other ways, in rounds that alternate their order.
 */
export async function deployBench({ deployWays, rounds }) {
  const { dir, ways, registry } = await deployWays();
  heading(`deploy: a first release and the next one, ${rounds} rounds`);
  const times = {};
  let peakBytes = 0;
  for (let round = 0; round <= rounds; round++) {
    for (const way of round % 2 === 0 ? ways : [...ways].reverse()) {
      const results = await runWay(dir, way, way.server.port, { checked: round === 0 });
      for (const [job, result] of Object.entries(results)) {
        peakBytes = Math.max(peakBytes, result.peakBytes ?? 0);
        times[job] ??= [];
        if (round > 0) times[job].push(result.ms);
      }
    }
  }
  for (const [job, values] of Object.entries(times))
    console.log(`  ${job.padEnd(28)} ${spread(values, 'ms')}`);
  for (const way of ways.filter(({ name }) => name.startsWith('ours'))) verdicts(way.name, times);
  memoryVerdict('deploy-agent', peakBytes);
  memoryVerdict('deploy-registry', registry.peak());
}

function verdicts(ours, times) {
  const original = times[`${AS_THE_ORIGINAL} release`];
  const cold = times[`${ours} cold`];
  const update = times[`${ours} update`];
  const coldRatio = pairedRatio(original, cold);
  verdict(`${ours} cold, ${AS_THE_ORIGINAL} to it`, coldRatio.toFixed(2), 'at least 2', coldRatio >= 2);
  const least = ours.endsWith('hardlink') ? 20 : 8;
  const updateRatio = pairedRatio(original, update);
  const wanted = `at least ${least}, the aim is 20`;
  verdict(`${ours} update, ${AS_THE_ORIGINAL} to it`, updateRatio.toFixed(2), wanted, updateRatio >= least);
  compare('cold', { [BY_DEFAULT]: 'release', rsync: 'cold', casync: 'cold' }, cold, times);
  const others = { [BY_DEFAULT]: 'release', rsync: 'update in place', casync: 'update' };
  compare('update', others, update, times);
}

function compare(what, others, ours, times) {
  const ratios = Object.entries(others).flatMap(([way, job]) => {
    const theirs = times[`${way} ${job}`];
    return theirs === undefined ? [] : [`${way} ${pairedRatio(theirs, ours).toFixed(2)}`];
  });
  console.log(`       ${what}, others to it: ${ratios.join(', ')}`);
}
