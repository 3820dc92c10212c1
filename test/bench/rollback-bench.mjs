import { readFileSync, writeFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { makeAgentHome } from './lib/agent-home.mjs';
import { operatorOf } from './lib/operator.mjs';
import { freePort, program, startRegistry } from './lib/programs.mjs';
import { output, startProgram, stop, wallClock } from './lib/run.mjs';
import { heading, median, spread, verdict } from './lib/stats.mjs';

const SERVER = fileURLToPath(
  new URL('../../packages/agent/test/process/supervise/http-server.mjs', import.meta.url),
);
const CLIENTS = 8;

/** Passes once, so that the program of a bad release takes over, and never again; time does not end its validation. */
const PATIENT = [
  ...['-health-exec', 'test ! -e "$NEWROOT/bad" || mkdir "$NEWROOT/asked"', '-health-interval', '100ms'],
  ...['-unhealthy-after', '0', '-healthy-deadline', '30m'],
];

/**
 * A supervised server under 8 connections, half of which are kept: for how long clients see the errors of a bad release, and how
 * soon they see the good one again when an operator rolls back while the bad one is validated.
 */
export async function rollbackBench({ dir, keys, rounds }) {
  heading(`rollback: a supervised server under ${CLIENTS} connections, ${rounds} rounds`);
  const place = join(dir, 'rollback');
  const registry = await startRegistry(place, keys, ['-heartbeat', '1s']);
  const operator = operatorOf(registry, keys);
  const host = { place, registry, keys, operator };
  const failing = [];
  for (let round = 0; round < rounds; round++) failing.push(await failRelease(host, `failing${round}`));
  const seen = failing.map(({ badMs }) => badMs);
  verdict(
    'errors of a release that fails its check',
    spread(seen, 'ms'),
    'at most 5 s',
    median(seen) <= 5_000,
  );

  const asked = [];
  for (let round = 0; round < rounds; round++) asked.push(await rollBack(host, `asked${round}`));
  const good = asked.map(({ goodMs }) => goodMs);
  verdict('rollback to the first good answer', spread(good, 'ms'), 'at most 1 s', median(good) <= 1_000);
  console.log(
    `       to the last bad answer, draining included: ${spread(
      asked.map(({ badMs }) => badMs),
      'ms',
    )}`,
  );

  const refused = [...failing, ...asked].flatMap(({ refused }) => refused);
  const requests = [...failing, ...asked].reduce((sum, one) => sum + one.requests, 0);
  verdict(
    'refused or cut',
    `${refused.length} of ${requests} requests ${refused.slice(0, 3)}`,
    'none',
    refused.length === 0,
  );
  await registry.stop();
}

/** @returns how long answers of a release were seen that answers every request with status 500. */
async function failRelease(host, name) {
  const port = await freePort();
  const flags = ['-health-http', `http://127.0.0.1:${port}/`];
  const { agent, load } = await startHost(host, { name, port, flags });
  addRelease(host, name, 'v2', { status: 500 });
  host.operator.ssh('changeconf', name, `${name}-code:v2`);
  await agent.said('rolled back to the last good release');
  const { of, ...counts } = await load.stop();
  await stop(agent.child);
  const { first, last } = of('v2');
  return { badMs: last - first, ...counts };
}

/** @returns how long after `rollback` returned the good release was seen first, and the bad one last. */
async function rollBack(host, name) {
  const { agent, load } = await startHost(host, { name, port: await freePort(), flags: PATIENT });
  addRelease(host, name, 'v2', { files: ['bad'] });
  host.operator.ssh('changeconf', name, `${name}-code:v2`);
  await agent.said('the program: in-charge', 2);
  await load.saysOnly('v2', CLIENTS * 5);
  host.operator.ssh('rollback', name);
  const returned = wallClock();
  await agent.said('rolled back to the last good release');
  const { of, ...counts } = await load.stop();
  await stop(agent.child);
  return { goodMs: of('v1').firstAfter(returned) - returned, badMs: of('v2').last - returned, ...counts };
}

/** A host that serves v1 under the load. */
async function startHost({ place, registry, keys, operator }, { name, port, flags }) {
  addRelease({ place, operator }, name, 'v1', {});
  operator.ssh('addconf', name, `${name}-code:v1`);
  const listen = ['-port', `127.0.0.1:${port}`, '-script', '', '-min-healthy', '500ms', '-v'];
  const home = makeAgentHome(join(place, name), { registry, keys, name, flags: [...listen, ...flags] });
  const args = [...home.args(registry.port), '--', process.execPath, 'server.mjs'];
  const agent = follow(startProgram(program('deploy-agent'), args, { stdio: ['ignore', 'ignore', 'pipe'] }));
  await agent.said('deployed');
  return { agent, load: startLoad(port) };
}

function addRelease({ place, operator }, name, version, { status = 200, files = [] }) {
  const server = readFileSync(SERVER, 'utf8')
    .replace("VERSION = '?'", `VERSION = '${version}'`)
    .replace("STATUS = '200'", `STATUS = '${status}'`);
  writeFileSync(join(place, 'server.mjs'), server);
  for (const file of files) writeFileSync(join(place, file), '');
  const path = join(place, `${name}-${version}.tar.gz`);
  output('tar', ['-czf', path, '-C', place, 'server.mjs', ...files]);
  operator.deployctl('addver', `${name}-code:${version}`, path);
}

/** Reads an agent's log. `said` waits for a line, of this generation of the program where one is given. */
function follow(child) {
  const lines = [];
  const waiting = new Set();
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (line.startsWith('{')) lines.push(JSON.parse(line));
    for (const look of waiting) look();
  });
  const said = (msg, generation) =>
    new Promise((resolve, reject) => {
      const look = () => {
        if (!lines.some((line) => line.msg === msg && (generation ?? line.generation) === line.generation))
          return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      child.once('exit', (code) => reject(new Error(`the agent ended with ${code}: ${lines.at(-1)?.msg}`)));
      look();
    });
  return { child, said };
}

/** Requests without a pause; notes when which version answered, and what was refused or cut. */
function startLoad(port) {
  const answers = [];
  const refused = [];
  let running = true;
  const client = async (agent) => {
    while (running) {
      try {
        answers.push({
          version: (await ask(port, agent)).split(' ')[0],
          at: wallClock(),
        });
      } catch (error) {
        refused.push(String(error));
      }
    }
    if (agent !== false) agent.destroy();
  };
  const clients = Array.from({ length: CLIENTS }, (_, at) =>
    client(at % 2 === 0 ? false : new Agent({ keepAlive: true, maxSockets: 1 })),
  );
  const of = (version) => {
    const at = answers.filter((answer) => answer.version === version).map((answer) => answer.at);
    return {
      count: at.length,
      first: at[0],
      last: at.at(-1),
      firstAfter: (time) => at.find((one) => one > time),
    };
  };
  return {
    /** Waits until the last answers, this many, are of one version: the program before has ended. */
    saysOnly: async (version, count) => {
      while (!answers.slice(-count).every((answer) => answer.version === version))
        await new Promise((resolve) => setTimeout(resolve, 20));
    },
    stop: async () => {
      running = false;
      await Promise.all(clients);
      return { of, refused, requests: answers.length + refused.length };
    },
  };
}

/** The body of an answer, whatever its status. */
function ask(port, agent) {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, agent }, async (response) => {
      try {
        resolve((await response.toArray()).join(''));
      } catch (error) {
        reject(error);
      }
    }).on('error', reject);
  });
}
