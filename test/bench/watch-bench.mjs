import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import ssh2 from 'ssh2';
import { program, startRegistry, timed } from './lib/programs.mjs';
import { median, spread, verdict } from './lib/stats.mjs';

const WATCHERS = 1000;
const SETTLE_MS = 20_000;
const IDLE_MS = 20_000;
const SCRIPT_ROUNDS = 9;

/** Many watchers of one configuration, then one agent: what they cost, and how long a change takes to reach them. */
export async function watchBench({ dir, keys, rounds }) {
  console.log(`\nwatch: ${WATCHERS} watchers, all in one process beside the registry`);
  const registry = await startRegistry(dir, keys, ['-max-conns-per-addr', String(WATCHERS + 10)]);
  const operator = await connectOperator(registry, keys);
  await operator.prepare(join(dir, 'watched'), rounds + SCRIPT_ROUNDS + 2);
  await watchers(registry, keys, operator, rounds);
  await scriptStart(registry, keys, operator, join(dir, 'watching'));
  operator.end();
  await registry.stop();
}

async function watchers(registry, keys, operator, rounds) {
  const before = memory(registry.pid);
  const each = () => (memory(registry.pid) - before) / WATCHERS / 1000;
  const clients = fork(fileURLToPath(new URL('watch-clients.mjs', import.meta.url)), [
    ...[registry.address, keys.agent, 'watched', String(WATCHERS)],
  ]);
  await once(clients, 'message');
  console.log(`       memory of the registry when all have just connected: ${each().toFixed(1)} KB each`);
  await pushes(clients, operator, rounds);
  await sleep(SETTLE_MS); // the garbage of handshakes is collected
  const used = cpu(registry.pid);
  await sleep(IDLE_MS);
  console.log(`       idle: ${(((cpu(registry.pid) - used) / IDLE_MS) * 100).toFixed(1)} % of one CPU`);
  verdict('memory of the registry', `${each().toFixed(1)} KB each`, 'below 60 KB', each() < 60);
  clients.kill();
}

async function pushes(clients, operator, rounds) {
  const [half, nearlyAll] = [[], []];
  await timesOf(clients);
  for (let round = 0; round <= rounds; round++) {
    const done = await operator.change();
    await sleep(2000);
    const delays = (await timesOf(clients)).map((time) => time - done).sort((a, b) => a - b);
    if (delays.length !== WATCHERS) throw new Error(`${delays.length} of ${WATCHERS} were told`);
    if (round === 0) continue;
    half.push(delays[Math.floor(WATCHERS * 0.5)]);
    nearlyAll.push(delays[Math.floor(WATCHERS * 0.99)]);
  }
  console.log(`       changeconf's return to the line, p50: ${spread(half, 'ms')}`);
  verdict('p99', spread(nearlyAll, 'ms'), 'below 100 ms', median(nearlyAll) < 100);
}

async function scriptStart(registry, keys, operator, dir) {
  mkdirSync(dir);
  const stamps = join(dir, 'stamps');
  writeFileSync(stamps, '');
  const script = join(dir, 'deploy.sh');
  writeFileSync(script, `#!/bin/sh\ndate +%s%N >>${stamps}\n`, { mode: 0o755 });
  const where = [
    '-addr',
    registry.address,
    '-fp',
    registry.fingerprint,
    '-key',
    keys.agent,
    '-name',
    'watched',
  ];
  const files = ['-dir', join(dir, 'agent'), '-state', join(dir, 'state.json'), '-script', script];
  const agent = spawn(program('deploy-agent'), [...where, ...files], { stdio: 'ignore' });
  const delays = [];
  for (let round = 0; round <= SCRIPT_ROUNDS; round++) {
    const done = round === 0 ? 0 : await operator.change();
    const started = await stampAt(stamps, round);
    if (round > 0) delays.push(started - done);
    await sleep(1000);
  }
  agent.kill();
  await once(agent, 'exit');
  verdict("changeconf's return to the script", spread(delays, 'ms'), 'below 500 ms', median(delays) < 500);
}

async function stampAt(stamps, round) {
  for (;;) {
    const line = readFileSync(stamps, 'utf8').split('\n').slice(0, -1)[round];
    if (line !== undefined) return Number(line) / 1e6;
    await sleep(5);
  }
}

/** An operator who has a connection open: what deployctl takes to start is not what is measured. */
async function connectOperator(registry, keys) {
  const client = new ssh2.Client();
  const address = { host: '127.0.0.1', port: registry.port, username: 'ops' };
  client.connect({ ...address, privateKey: readFileSync(keys.operator) });
  await once(client, 'ready');
  const run = (line) =>
    new Promise((resolve, reject) => {
      client.exec(line, (refused, channel) => {
        if (refused) return reject(refused);
        channel.resume().stderr.resume();
        channel.on('close', (status) => (status === 0 ? resolve() : reject(new Error(`${line}: ${status}`))));
      });
    });
  let version = 1;
  return {
    end: () => client.end(),
    /** Versions 1 to the last, and a configuration of the first. */
    prepare: async (dir, versions) => {
      const ctl = ['-addr', registry.address, '-fp', registry.fingerprint, '-key', keys.operator];
      mkdirSync(dir);
      for (let number = 1; number <= versions; number++) {
        writeFileSync(join(dir, 'version.txt'), String(number));
        timed(program('deployctl'), [...ctl, 'addver', `watched:v${number}`, '-dir', dir]);
      }
      await run('addconf watched watched:v1');
    },
    /** Goes to the next version. @returns when the registry had answered, in milliseconds since 1970. */
    change: async () => {
      version += 1;
      await run(`changeconf watched watched:v${version}`);
      return performance.timeOrigin + performance.now();
    },
  };
}

async function timesOf(clients) {
  clients.send('times');
  const [times] = await once(clients, 'message');
  return times;
}

/** Resident bytes of a process. */
function memory(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}

/** Milliseconds of CPU that a process has used. */
function cpu(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
