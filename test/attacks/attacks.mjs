// Attacks a registry with its defaults, one attack after the other, each for some seconds, and says what an operator noticed of
// it: `npm run attacks -- -seconds 30 -only window`. It ends with 1 when a bound of docs/ssh-floor.md does not hold.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import {
  blindKeyExchange,
  channelData,
  hostileClient,
  MESSAGE,
  message,
  openSession,
  string,
  uint32,
} from './hostile-client.mjs';

const BIN = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'node_modules/.bin');
const MIB = 1024 * 1024;
/** What an operator's command may take, and the registry's memory. */
const MAX_COMMAND_MS = 1000;
const MAX_MEMORY = 400 * MIB;
const GRACE_MS = 30_000;
const WANT_REPLY = Buffer.from([1]);
const HASH = 'a'.repeat(64);
/** One exchange of keys is 1.9 kB to the registry, so 15 of them every 100 ms are 2 Mbit/s. */
const STORM_PAUSE_MS = 100;
const STORM_OUTSTANDING = 450;

const { values } = parseArgs({
  // Flags are written as those of the programs are.
  args: process.argv.slice(2).map((word) => word.replace(/^-(?=[a-z]{2})/, '--')),
  options: {
    seconds: { type: 'string', default: '5' },
    only: { type: 'string' },
    archives: { type: 'string', default: '5000' },
  },
});

/** Each gets where to attack, and until when; what it opens is destroyed after it. */
const ATTACKS = {
  'quadratic keys before authentication': async ({ stranger, isOver }) => {
    const key = `-----BEGIN OPENSSH PRIVATE KEY-----\n${'a: b\n'.repeat(6000)}`;
    const request = message(
      MESSAGE.GLOBAL_REQUEST,
      string('hostkeys-00@openssh.com'),
      WANT_REPLY,
      string(key),
    );
    await twice(async () => {
      while (!isOver()) {
        const client = await stranger();
        while (!isOver() && (await client.sendSlowly(request))) {}
      }
    });
  },
  'packet sizes 0 and 1': async ({ agent, isOver }) => {
    while (!isOver()) {
      for (const maxPacket of [0, 1]) {
        const client = await agent();
        await client.open('exec', 'watch project1', { maxPacket });
        await delay(100);
        client.destroy();
      }
    }
  },
  'data beyond the window': async ({ agent, isOver }) => {
    const chunk = Buffer.alloc(32_000, 'x');
    await twice(async () => {
      while (!isOver()) {
        const client = await agent();
        const report = await client.open('exec', 'report');
        while (!isOver() && (await client.sendSlowly(channelData(report, chunk)))) {}
      }
    });
  },
  'windows that are full and nobody reads': async ({ agent, isOver }) => {
    // Requests of SFTP whose replies are not read: then the registry reads no more requests.
    const chunk = Buffer.alloc(32_000);
    await twice(async () => {
      while (!isOver()) {
        const client = await agent();
        for (let session = 0; session < 16; session += 1) {
          const sftp = await client.open('subsystem', 'sftp', { window: 0 });
          if (sftp === undefined) break;
          const first = Buffer.concat([uint32(5), Buffer.from([1]), uint32(3), uint32(2 ** 18 - 10)]);
          await client.sendSlowly(channelData(sftp, first));
          for (let sent = 64_000; sent < 2 * MIB; sent += chunk.length)
            await client.sendSlowly(channelData(sftp, chunk));
        }
        await Promise.race([client.closed, delay(1000)]);
      }
    });
  },
  'replies nobody reads, before authentication': ({ stranger, isOver }) => unread(stranger, isOver),
  'replies nobody reads, after authentication': ({ agent, isOver }) => unread(agent, isOver),
  'a stalled rekey': async ({ agent, isOver }) => {
    await twice(async () => {
      while (!isOver()) {
        const client = await agent();
        const sftp = await client.open('subsystem', 'sftp', { window: 2 ** 31 });
        const packet = (...parts) => {
          const body = Buffer.concat(parts);
          return channelData(sftp, Buffer.concat([uint32(body.length), body]));
        };
        await client.sendSlowly(packet(Buffer.from([1]), uint32(3)));
        client.socket.pause();
        for (let id = 0; id < 20_000; id += 1) {
          await client.sendSlowly(packet(Buffer.from([16]), uint32(id), string('/configs')));
        }
        client.protocol.rekey();
        await Promise.race([client.closed, until(isOver)]);
        client.destroy();
      }
    });
  },
  'exchanges of keys for nothing': async ({ agent, isOver }) => {
    await twice(async () => {
      while (!isOver()) {
        const client = await agent();
        while (!isOver() && !client.isClosed) {
          const exchanged = new Promise((resolve) => client.client.once('handshake', resolve));
          client.protocol.rekey();
          await Promise.race([exchanged, client.closed, until(isOver)]);
        }
        client.destroy();
      }
    });
  },
  'sessions opened and closed': async ({ agent, isOver }) => {
    await twice(async () => {
      while (!isOver()) {
        const client = await agent();
        for (let number = 0; number < 500_000 && !isOver(); number += 1) {
          if (!(await client.sendSlowly(openSession(number)))) break;
          if (!(await client.sendSlowly(message(MESSAGE.CHANNEL_CLOSE, uint32(number))))) break;
        }
      }
    });
  },
  'directory handles': async ({ agent, isOver }) => {
    await twice(async () => {
      const client = await agent();
      const sessions = [];
      for (let session = 0; session < 16; session += 1) sessions.push(await client.open('subsystem', 'sftp'));
      for (const sftp of sessions) client.send(channelData(sftp, sftpPacket(1, uint32(3))));
      for (let id = 0; !isOver() && !client.isClosed; id += 1) {
        for (const sftp of sessions)
          client.send(channelData(sftp, sftpPacket(11, uint32(id), string('/files'))));
        await delay(5);
      }
    });
  },
  '1,000 silent connections from two addresses': async ({ target, isOver }) => {
    const open = new Set();
    while (!isOver()) {
      for (let count = 0; open.size < 1000 && count < 50; count += 1) {
        const socket = connect({ ...target, localAddress: count % 2 === 0 ? '127.0.0.2' : '127.0.0.3' });
        open.add(socket);
        socket.on('error', () => {});
        socket.on('close', () => open.delete(socket));
        socket.resume();
      }
      await delay(10);
    }
  },
  "key exchanges without end, by the operator's network": (attack) => storm(attack, 15),
  'key exchanges without end, by another network': (attack) => storm(attack, 60, '127.0.0.2'),
  'outcomes by new channels': async ({ agent, isOver }) => {
    const log = Array.from({ length: 200 }, (_, line) => `${line} ${'x'.repeat(150)}`);
    let deploy = 0;
    await Promise.all(
      Array.from({ length: 8 }, async (_, worker) => {
        while (!isOver()) {
          const client = await agent();
          while (!isOver() && !client.isClosed) {
            const report = await client.open('exec', 'report');
            if (report === undefined) break;
            const lines = [{ Type: 'hello', Host: `h${worker}`, Agent: '0.1.0', Configs: ['project1'] }];
            for (let count = 0; count < 20; count += 1) {
              deploy += 1;
              const at = new Date().toISOString();
              lines.push({
                Type: 'state',
                Config: 'project1',
                State: 'healthy',
                Since: at,
                Revision: 1,
                Hash: HASH,
                Deploy: `d${deploy}`,
                Log: log,
              });
            }
            for (const line of lines)
              await client.sendSlowly(channelData(report, Buffer.from(`${JSON.stringify(line)}\n`)));
            await client.sendSlowly(message(MESSAGE.CHANNEL_CLOSE, uint32(report)));
          }
          client.destroy();
        }
      }),
    );
  },
};

/** All that is needed for one exchange of keys is prepared once, and answers are not looked at. */
async function storm({ target, isOver }, atOnce, localAddress) {
  const bytes = await blindKeyExchange();
  const open = [];
  while (!isOver()) {
    for (let count = 0; count < atOnce; count += 1) {
      const socket = connect({ ...target, ...(localAddress && { localAddress }) }, () => socket.write(bytes));
      socket.on('error', () => {});
      socket.resume();
      open.push(socket);
    }
    for (const socket of open.splice(0, open.length - STORM_OUTSTANDING)) socket.destroy();
    await delay(STORM_PAUSE_MS);
  }
}

async function unread(open, isOver) {
  const ask = message(MESSAGE.GLOBAL_REQUEST, string('x'), WANT_REPLY);
  await twice(async () => {
    while (!isOver()) {
      const client = await open();
      client.socket.pause();
      while (!isOver() && !client.socket.destroyed) {
        for (let sent = 0; sent < 1000 && client.socket.writableLength < MIB; sent += 1) client.send(ask);
        await delay(5);
      }
      client.destroy();
    }
  });
}

function sftpPacket(type, ...parts) {
  const body = Buffer.concat([Buffer.from([type]), ...parts]);
  return Buffer.concat([uint32(body.length), body]);
}

function twice(act) {
  return Promise.all([act(), act()]);
}

async function until(isOver) {
  while (!isOver()) await delay(50);
}

if (isMainThread) {
  const root = mkdtempSync(join(tmpdir(), 'attacks-'));
  try {
    process.exitCode = await attackAll(root, Number(values.seconds) * 1000);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
} else {
  await attackFor(workerData);
}

/** The attacker is a thread of its own, so that what it does takes no time from measuring. */
async function attackFor({ name, target, agentKey, ms }) {
  const end = performance.now() + ms;
  const hostile = (options) => hostileClient({ ...target, ...options });
  await ATTACKS[name]({
    target,
    isOver: () => performance.now() > end,
    stranger: () => hostile({}),
    agent: () => hostile({ user: 'deploy-agent', keyPath: agentKey }),
  });
  setInterval(() => {}, 1000); // what is open stays open until the thread is ended
}

async function attackAll(root, ms) {
  let failed = 0;
  for (const name of ['operator', 'agent'])
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(root, name)]);
  console.log('attack'.padEnd(48), 'commands', 'median ms', 'worst ms', 'peak MB', 'end ms');
  for (const name of Object.keys(ATTACKS)) {
    if (values.only !== undefined && !name.includes(values.only)) continue;
    const result = await attackOnce(root, name, ms);
    const { count, median, worst, peak, end } = result;
    const isGood = worst <= MAX_COMMAND_MS && peak <= MAX_MEMORY && end <= GRACE_MS && result.failed === 0;
    if (!isGood) failed += 1;
    const cells = [
      `${count}`.padStart(8),
      `${median}`.padStart(9),
      `${worst}`.padStart(8),
      `${Math.round(peak / MIB)}`.padStart(7),
    ];
    console.log(
      name.padEnd(48),
      ...cells,
      `${end}`.padStart(6),
      isGood ? '' : `NOT HELD (${result.failed} commands failed)`,
    );
  }
  return failed === 0 ? 0 : 1;
}

async function attackOnce(root, name, ms) {
  const registry = await startRegistry(root, name.includes('directory') ? Number(values.archives) : 0);
  const attacker = new Worker(new URL(import.meta.url), {
    argv: process.argv.slice(2),
    workerData: { name, target: registry.target, agentKey: join(root, 'agent'), ms },
  });
  attacker.on('error', (error) => console.log(`  ${name}: ${error.message}`));
  const end = performance.now() + ms;
  await delay(500);
  const times = [];
  let failed = 0;
  while (performance.now() < end) {
    const started = performance.now();
    const { status } = await run('ssh', registry.command('components'), 30_000);
    if (status !== 0) failed += 1;
    times.push(Math.round(performance.now() - started));
    await delay(200);
  }
  const peak = registry.peak();
  // The registry has to end with the attacker there.
  const ending = await registry.stop();
  await attacker.terminate();
  times.sort((a, b) => a - b);
  return {
    count: times.length,
    median: times[times.length >> 1],
    worst: times.at(-1),
    peak,
    end: ending,
    failed,
  };
}

async function startRegistry(root, archives) {
  const dir = mkdtempSync(join(root, 'registry-'));
  for (const name of ['operator', 'agent'])
    writeFileSync(join(dir, `${name}.keys`), readFileSync(join(root, `${name}.pub`)));
  const keys = ['-opauth', join(dir, 'operator.keys'), '-srvauth', join(dir, 'agent.keys')];
  const data = join(dir, 'data');
  if (archives > 0) await fill(data, archives);
  const child = spawn(join(BIN, 'deploy-registry'), ['-addr', '127.0.0.1:0', '-dir', data, ...keys], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let text = '';
  const port = await new Promise((resolve, reject) => {
    child.once('exit', () => reject(new Error(text)));
    child.stderr.setEncoding('utf8').on('data', (chunk) => {
      if (text.length < 1e6) text += chunk;
      const ready = /"address":"127\.0\.0\.1:(\d+)".*registry ready/.exec(text)?.[1];
      if (ready !== undefined) resolve(Number(ready));
    });
  });
  const target = { host: '127.0.0.1', port };
  const ssh = [
    '-F',
    '/dev/null',
    '-i',
    join(root, 'operator'),
    '-p',
    String(port),
    '-o',
    'IdentitiesOnly=yes',
    '-o',
    'BatchMode=yes',
  ];
  const trust = [
    '-o',
    'StrictHostKeyChecking=no',
    '-o',
    'UserKnownHostsFile=/dev/null',
    '-o',
    'LogLevel=ERROR',
  ];
  return {
    target,
    command: (line) => [...ssh, ...trust, 'ops@127.0.0.1', line],
    peak: () =>
      Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? 0) * 1024,
    stop: async () => {
      const started = performance.now();
      child.kill('SIGTERM');
      const hard = setTimeout(() => child.kill('SIGKILL'), 2 * GRACE_MS);
      await new Promise((resolve) => child.once('exit', resolve));
      clearTimeout(hard);
      return Math.round(performance.now() - started);
    },
  };
}

/** Files that look like archives: what is listed is their names, sizes and times. */
async function fill(data, archives) {
  const { createHash } = await import('node:crypto');
  const { mkdirSync } = await import('node:fs');
  for (let number = 0; number < archives; number += 1) {
    const bytes = Buffer.from(`archive ${number}`);
    const hash = createHash('sha256').update(bytes).digest('hex');
    const dir = join(data, 'files');
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    writeFileSync(join(dir, hash), bytes);
  }
}

function run(command, args, timeout = 60_000) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'ignore'], timeout });
    child.once('error', () => resolve({ status: 127 }));
    child.once('exit', (code) => resolve({ status: code ?? 1 }));
  });
}
