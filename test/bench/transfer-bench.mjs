import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { measured, program, sshOptions, startRegistry, startSshd, timed } from './lib/programs.mjs';
import { median, megabytes, pairedRatio, spread, verdict } from './lib/stats.mjs';

const MEMORY_LIMIT = 150e6;

/**
 * Upload (hash included) and download of one archive with OpenSSH's sftp: our registry against OpenSSH's own server in
 * alternating pairs. Then the same archive through deployctl and deploy-agent, for their memory.
 */
export async function transferBench({ dir, keys, archive, rounds }) {
  console.log(`\ntransfer: ${megabytes(archive.bytes)} MB by OpenSSH's sftp, ${rounds} pairs`);
  const registry = await startRegistry(dir, keys);
  const sshd = await startSshd(keys);
  const hash = createHash('sha256').update(readFileSync(archive.path)).digest('hex');
  const out = join(dir, 'out');
  const sftp = (port, user, key, batch) =>
    timed('sftp', ['-b', '-', ...sshOptions(key), '-P', String(port), `${user}@127.0.0.1`], {
      input: `${batch}\n`,
    });
  const ssh = (...words) =>
    timed('ssh', [...sshOptions(keys.operator), '-p', String(registry.port), 'bench@127.0.0.1', ...words]);
  const work = {
    'upload ours': () => sftp(registry.port, 'bench', keys.operator, `put ${archive.path} upload`),
    'upload sshd': () =>
      sftp(sshd.port, process.env.USER ?? 'root', keys.operator, `put ${archive.path} ${out}`),
    'download ours': () => sftp(registry.port, 'deploy-agent', keys.agent, `get files/${hash} ${out}`),
    'download sshd': () =>
      sftp(sshd.port, process.env.USER ?? 'root', keys.operator, `get ${archive.path} ${out}`),
  };
  work['upload ours']();
  ssh('addver', 'bench:v1', hash);
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
  await memory({ dir, keys, archive, registry });
  await sshd?.stop();
  await registry.stop();
}

async function memory({ dir, keys, archive, registry }) {
  const to = ['-addr', registry.address, '-fp', registry.fingerprint];
  const ctl = await measured(program('deployctl'), [
    ...to,
    '-key',
    keys.operator,
    'addver',
    'bench:v2',
    archive.path,
  ]);
  timed(program('deployctl'), [...to, '-key', keys.operator, 'addconf', 'bench', 'bench:v2']);
  const home = join(dir, 'agent-home');
  mkdirSync(home, { recursive: true });
  const args = [
    ...to,
    '-key',
    keys.agent,
    '-name',
    'bench',
    '-dir',
    home,
    '-state',
    join(home, 'state.json'),
    '-script',
    '',
    '-once',
  ];
  const agent = await measured(program('deploy-agent'), args);
  rmSync(home, { recursive: true });
  console.log(`  deployctl addver ${ctl.ms.toFixed(0)} ms, deploy-agent -once ${agent.ms.toFixed(0)} ms`);
  for (const [name, bytes] of [
    ['deploy-registry', registry.peak()],
    ['deployctl addver', ctl.peakBytes],
    ['deploy-agent', agent.peakBytes],
  ]) {
    verdict(`peak memory of ${name}`, `${megabytes(bytes)} MB`, 'below 150 MB', bytes < MEMORY_LIMIT);
  }
}
