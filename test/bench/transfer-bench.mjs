import { createHash } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { makeAgentHome } from './lib/agent-home.mjs';
import { operatorOf } from './lib/operator.mjs';
import { sshOptions, startRegistry, startSshd } from './lib/programs.mjs';
import { timed } from './lib/run.mjs';
import { heading, median, megabytes, memoryVerdict, pairedRatio, spread, verdict } from './lib/stats.mjs';

/**
 * Upload (hash included) and download of one archive with OpenSSH's sftp: our registry against OpenSSH's own server in
 * alternating pairs. Then the same archive through deployctl and deploy-agent, for their memory.
 */
export async function transferBench({ dir, keys, archive: input, rounds }) {
  const archive = input();
  heading(`transfer: ${megabytes(archive.bytes)} MB by OpenSSH's sftp, ${rounds} pairs`);
  const registry = await startRegistry(join(dir, 'transfer'), keys);
  const operator = operatorOf(registry, keys);
  const sshd = await startSshd(keys);
  const hash = createHash('sha256').update(readFileSync(archive.path)).digest('hex');
  const out = join(dir, 'out');
  const sftp = (port, user, key, batch) =>
    timed('sftp', ['-b', '-', ...sshOptions(key), '-P', String(port), `${user}@127.0.0.1`], {
      input: `${batch}\n`,
    });
  const work = {
    'upload ours': () => sftp(registry.port, 'bench', keys.operator, `put ${archive.path} upload`),
    'upload sshd': () => sftp(sshd.port, sshd.user, keys.operator, `put ${archive.path} ${out}`),
    'download ours': () => sftp(registry.port, 'deploy-agent', keys.agent, `get files/${hash} ${out}`),
    'download sshd': () => sftp(sshd.port, sshd.user, keys.operator, `get ${archive.path} ${out}`),
  };
  work['upload ours']();
  operator.ssh('addver', 'bench:v1', hash);
  const kinds = Object.keys(work).filter((kind) => sshd !== undefined || kind.endsWith('ours'));
  const times = Object.fromEntries(kinds.map((kind) => [kind, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const kind of round % 2 === 0 ? kinds : [...kinds].reverse()) {
      const ms = work[kind]();
      if (round > 0) times[kind].push(ms); // the first round warms the page cache
      rmSync(out, { force: true });
    }
  }
  for (const kind of kinds) {
    console.log(
      `  ${kind.padEnd(14)} ${spread(times[kind], 'ms')}, ${megabytes((archive.bytes / median(times[kind])) * 1000)} MB/s`,
    );
  }
  if (sshd === undefined) console.log("  OpenSSH's server is not installed: no ratio");
  else {
    const up = pairedRatio(times['upload sshd'], times['upload ours']);
    const down = pairedRatio(times['download sshd'], times['download ours']);
    verdict('upload speed, ours to sshd', up.toFixed(2), 'at least 0.5, the aim is 1', up >= 0.5);
    verdict('download speed, ours to sshd', down.toFixed(2), 'at least 0.6, the aim is 1', down >= 0.6);
  }
  await memory({ dir, keys, archive, registry, operator });
  await sshd?.stop();
  await registry.stop();
}

async function memory({ dir, keys, archive, registry, operator }) {
  const ctl = await operator.addver('bench:v2', archive);
  operator.ssh('addconf', 'bench', 'bench:v2');
  const home = makeAgentHome(join(dir, 'agent-home'), { registry, keys, name: 'bench' });
  const agent = await home.deploy();
  home.remove();
  console.log(
    `  deployctl addver ${ctl.ms.toFixed(0)} ms, deploy-agent -once ${agent.ms.toFixed(0)} ms to its script`,
  );
  memoryVerdict('deploy-registry', registry.peak());
  memoryVerdict('deployctl addver', ctl.peakBytes);
  memoryVerdict('deploy-agent', agent.peakBytes);
}
