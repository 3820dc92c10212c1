import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { startChild } from './lib/child.mjs';
import { longestTurns, loopWatch } from './lib/loop-turns.mjs';
import { operatorOf } from './lib/operator.mjs';
import { sshOptions, startRegistry, startSshd } from './lib/programs.mjs';
import { settleDisk, timed, wallClock } from './lib/run.mjs';
import {
  heading,
  median,
  megabytes,
  memoryVerdict,
  pairedRatio,
  percentile,
  spread,
  verdict,
} from './lib/stats.mjs';

/**
 * `deployctl addver` of a first release and of the next, each time in an empty registry; the same first one by stock
 * sftp and ssh; and by sftp to OpenSSH's server, which only stores it. Another operator's questions meanwhile, and for how
 * long the registry's event loop stands still.
 */
export async function uploadBench({ dir, keys, releases, rounds }) {
  const { old } = releases();
  heading(`upload: ${megabytes(old.archive.bytes)} MB until addver returns, ${rounds} rounds`);
  const sshd = await startSshd(keys);
  const times = { first: [], next: [], put: [], addver: [], sshd: [], waits: [] };
  const peaks = { registry: 0, deployctl: 0 };
  for (let round = 0; round <= rounds; round++) {
    const figures = await uploadRound({ dir, keys, releases: releases(), sshd });
    peaks.registry = Math.max(peaks.registry, figures.registryPeak);
    peaks.deployctl = Math.max(peaks.deployctl, figures.deployctlPeak);
    if (round === 0) continue;
    for (const [what, values] of Object.entries(times)) values.push(...[figures[what] ?? []].flat());
  }
  await sshd?.stop();
  print(times, sshd !== undefined);
  memoryVerdict('deployctl addver', peaks.deployctl);
  memoryVerdict('deploy-registry', peaks.registry);
  await eventLoop({ dir, keys, releases: releases() });
}

/** Milliseconds of each step, in two registries that are made for it. */
async function uploadRound({ dir, keys, releases: { old, fresh }, sshd }) {
  const byDeployctl = await inRegistry({ dir, keys }, async ({ operator, registry }) => {
    const bystander = await startChild('bystander', registry.port, keys.operator);
    await bystander.ask('take');
    const first = await operator.addver('code:v1', old.archive);
    const next = await operator.addver('code:v2', fresh.archive);
    const waits = await bystander.ask('take');
    await bystander.stop();
    const deployctlPeak = Math.max(first.peakBytes, next.peakBytes);
    return { first: first.ms, next: next.ms, waits, deployctlPeak, registryPeak: registry.peak() };
  });
  const byStock = await inRegistry({ dir, keys }, ({ operator, registry }) => {
    const put = sftpPut(keys, registry.port, 'bench', old.archive, 'archive');
    const begun = performance.now();
    operator.ssh('addver', 'code:v1', old.archive.hash);
    return { put, addver: performance.now() - begun };
  });
  const copy = join(dir, 'upload-copy');
  const stored = sshd === undefined ? undefined : sftpPut(keys, sshd.port, sshd.user, old.archive, copy);
  rmSync(copy, { force: true });
  return { ...byDeployctl, ...byStock, sshd: stored };
}

/** The same in a registry that is watched from within, which takes it memory. */
async function eventLoop({ dir, keys, releases: { old, fresh } }) {
  const file = join(dir, 'upload-turns');
  const { delay, itself } = await inRegistry(
    { dir, keys, env: loopWatch(file) },
    async ({ operator, registry }) => {
      const bystander = await startChild('bystander', registry.port, keys.operator);
      const begun = wallClock();
      for (const archive of [old.archive, fresh.archive])
        await operator.addver(`code:${archive.hash}`, archive);
      await bystander.stop();
      return longestTurns(file, begun);
    },
  );
  rmSync(file, { force: true });
  const figure = `${itself.toFixed(1)} ms, ${delay.toFixed(1)} ms with its waits for a core`;
  verdict("registry's event loop stood still for at most", figure, 'below 50 ms', itself < 50);
}

async function inRegistry({ dir, keys, env }, work) {
  const place = join(dir, 'upload');
  const registry = await startRegistry(place, keys, [], env);
  settleDisk(dir);
  const result = await work({ registry, operator: operatorOf(registry, keys) });
  await registry.stop();
  rmSync(place, { recursive: true });
  return result;
}

function sftpPut(keys, port, user, archive, to) {
  const input = `put ${archive.path} ${to}\n`;
  return timed('sftp', ['-b', '-', ...sshOptions(keys.operator), '-P', String(port), `${user}@127.0.0.1`], {
    input,
  });
}

function print(times, compared) {
  console.log(`  deployctl addver, first release  ${spread(times.first, 'ms')}`);
  console.log(`  deployctl addver, next release   ${spread(times.next, 'ms')}`);
  console.log(`  sftp put, first release          ${spread(times.put, 'ms')}`);
  verdict(
    'ssh addver after it',
    spread(times.addver, 'ms'),
    'at most 2000 ms',
    median(times.addver) <= 2_000,
  );
  if (compared) {
    console.log(`  sftp put to OpenSSH's server     ${spread(times.sshd, 'ms')}`);
    console.log(
      `       deployctl addver to it: ${pairedRatio(times.first, times.sshd).toFixed(2)} times as long`,
    );
  }
  const longest = percentile(times.waits, 1);
  const usual = `${median(times.waits).toFixed(1)} ms, p99 ${percentile(times.waits, 0.99).toFixed(1)} ms`;
  console.log(`  another operator's question meanwhile: ${usual}, longest ${longest.toFixed(1)} ms`);
}
