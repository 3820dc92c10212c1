import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { casyncWay } from '../ways/casync.mjs';
import { oursWays } from '../ways/ours.mjs';
import { rsyncWay } from '../ways/rsync.mjs';
import { sftpAndTar } from '../ways/sftp-and-tar.mjs';
import { addReleases, operatorOf } from './operator.mjs';
import { startRegistry, startSshd } from './programs.mjs';
import { settleDisk, spreadDirectories } from './run.mjs';

/** The names of the two ways by sftp; the first is how the original fetches. */
export const AS_THE_ORIGINAL = 'sftp -R 1 + tar';
export const BY_DEFAULT = 'sftp + tar';

/**
 * The ways to bring a release to a host, each with the server that it needs started and filled. A way has jobs, done
 * in order between its `begin()` and `end()`; `run(port)` does one by that port and tells `ms`. `waits` is how many
 * answers a way awaits one after the other, where these are most of what it does. Each begins in a directory of a new name,
 * for ext4 remembers where one of the same name was. What cannot run here is said and left out.
 */
export async function startDeployWays({ dir, keys, releases }) {
  const place = join(dir, 'deploy');
  mkdirSync(place);
  spreadDirectories(place);
  const registry = await startRegistry(place, keys);
  const operator = operatorOf(registry, keys);
  await addReleases(operator, releases(), 'first');
  const sshd = await startSshd(keys);
  let homes = 0;
  const newHome = () => {
    homes += 1;
    return join(place, `home-${homes}`);
  };
  const site = { dir: place, newHome, keys, registry, operator, sshd, releases: releases() };
  const found = [
    sftpAndTar(site, AS_THE_ORIGINAL, true),
    sftpAndTar(site, BY_DEFAULT, false),
    ...oursWays(site),
    rsyncWay(site),
    await casyncWay(site),
  ];
  for (const reason of found.filter((way) => typeof way === 'string')) console.log(`  left out: ${reason}`);
  const ways = found.filter((way) => typeof way !== 'string');
  const stop = async () => {
    for (const way of ways) await way.stop?.();
    await sshd?.stop();
    await registry.stop();
  };
  return { dir: place, ways, registry, stop };
}

/** Does all jobs of a way. @returns what each one tells, by `way job`. */
export async function runWay(dir, way, port, { checked = false, after = async () => ({}) } = {}) {
  const results = {};
  await way.begin();
  for (const job of way.jobs) {
    await job.before?.();
    settleDisk(dir);
    results[`${way.name} ${job.name}`] = { ...(await job.run(port)), ...(await after()) };
    if (checked) job.check?.();
  }
  await way.end();
  return results;
}
