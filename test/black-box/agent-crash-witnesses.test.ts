import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, expect, it } from 'vitest';
import { type AgentSite, deployedHash, makeAgentSite, startAgent, stopAgent } from '../support/agent-site.js';
import { addConfiguration, changeLayer, command, configurationHashOf } from '../support/configuration.js';
import { freePort } from '../support/free-port.js';
import { ask } from '../support/http-load.js';
import { PATIENCE } from '../support/patience.js';
import { binPath, type RunningProgram } from '../support/program.js';
import { run } from '../support/run.js';
import { fileScope, testScope } from '../support/scope.js';
import { packTree } from '../support/tree.js';
import { overOneConnection, startWorld, type World } from '../support/world.js';

/** 100 for a thorough look. */
const ROUNDS = Number(process.env.CRASH_ROUNDS ?? 4);
/** Longer than a deployment takes here, so that some are over when the agent is killed. */
const LONGEST_LIFE_MS = 4500;
/** What is wanted in turn; the last two are bad. */
const VERSIONS = ['v1', 'v2', 'unhealthy', 'script-fails'] as const;
type Version = (typeof VERSIONS)[number];
const isGood = (version: Version) => version === 'v1' || version === 'v2';

/** Prints numbered lines, and writes down what it printed; ends when it is told to, and says so. */
const SERVER = `
import { appendFileSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
const version = readFileSync('version', 'utf8');
let count = 0;
function print(what) {
  const line = \`<program \${process.pid} \${what}>\`;
  console.log(line);
  appendFileSync(process.argv[2], line + '\\n');
}
process.on('SIGTERM', () => {
  print('ended');
  process.exit(0);
});
print('started');
setInterval(() => print((count += 1)), 50);
const status = version === 'unhealthy' ? 500 : 200;
createServer((_, response) => response.writeHead(status, { connection: 'close' }).end(version)).listen({ fd: 3 });
`;

const scope = fileScope();
let world: World;

beforeAll(async () => {
  world = await overOneConnection(scope, await startWorld(scope, ['-heartbeat', '1s']));
});

interface Host {
  readonly site: AgentSite;
  readonly port: number;
  readonly destination: string;
  /** What its script and programs have printed, as they wrote it down themselves. */
  printed(): string[];
  start(): RunningProgram;
}

/** A host with all that the agent can be told to do: a script that prints, a program, checks, a destination. */
async function makeHost(name: string): Promise<Host> {
  const site = makeAgentSite(testScope());
  const printed = join(site.root, 'printed');
  const port = await freePort();
  const destination = join(site.root, 'destination');
  site.scriptDoes(`
print() { echo "<script $$ $1>"; echo "<script $$ $1>" >> '${printed}'; }
print started
echo "half $(cat "$NEWROOT/version")" > '${site.root}/host'
sleep 0.3
echo "<script $$ by its name>" > /dev/stderr
if test "$(cat "$NEWROOT/version")" = script-fails; then print ended; exit 1; fi
cp "$NEWROOT/version" '${site.root}/host'
print ended`);
  const flags = [
    ...['-host', name, '-dest', destination, '-sync', 'release', '-port', `127.0.0.1:${port}`],
    ...['-health-http', `http://127.0.0.1:${port}/`, '-health-interval', '100ms', '-min-healthy', '500ms'],
    ...['--', process.execPath, 'server.mjs', printed],
  ];
  return {
    ...{ site, port, destination },
    printed: () => (existsSync(printed) ? readFileSync(printed, 'utf8').trimEnd().split('\n') : []),
    start: () => startAgent(testScope(), world, site, name, flags),
  };
}

/** What each of those says that could be asked what is live: the same. */
async function witnesses({ site, port, destination }: Host, name: string) {
  const journal = JSON.parse(readFileSync(join(site.dir, 'journal.json'), 'utf8'));
  const ctl = await run(binPath('deploy-agent'), ['ctl', 'status', '-json', '-dir', site.dir]);
  const status = JSON.parse((await world.operator.exec(`status ${name} -json`)).stdout);
  return {
    hashes: {
      current: basename(readlinkSync(join(site.dir, 'current'))),
      state: deployedHash(site),
      journal: journal.live.config.Hash,
      proven: journal.live.how === 'proven' ? journal.proven[0].Hash : journal.live.how,
      ctl: JSON.parse(ctl.stdout).Running?.Hash,
      registry: status.hosts[0].running?.hash,
      script: site.calls().at(-1)?.env.NEWID,
    },
    versions: {
      program: await ask(port),
      script: readFileSync(join(site.root, 'host'), 'utf8'),
      destination: readFileSync(join(destination, 'version'), 'utf8'),
      release: readFileSync(join(site.dir, 'current', 'version'), 'utf8'),
    },
  };
}

const allOf = <Key extends string, T>(keys: Record<Key, unknown>, value: T) =>
  Object.fromEntries(Object.keys(keys).map((key) => [key, value]));

/** A configuration of each version, of which the first is wanted. @returns their hashes. */
async function makeVersions(name: string): Promise<Map<Version, string>> {
  const pack = (version: Version) => packTree(scope, world.root, version, { version, 'server.mjs': SERVER });
  const [first, ...others] = VERSIONS;
  await addConfiguration(world.operator, name, { code: await pack(first) });
  const hashes = new Map<Version, string>([[first, await configurationHashOf(world.operator, name)]]);
  for (const version of others) {
    await changeLayer(world.operator, name, 'code', version, await pack(version));
    hashes.set(version, await configurationHashOf(world.operator, name));
  }
  await want(name, first);
  return hashes;
}

async function want(name: string, version: Version): Promise<void> {
  await command(world.operator, `changeconf -name ${name} -component code -version ${version}`);
}

/** What is wanted in a round, and after the kill where that is something else again; and when the agent is killed. */
function planOf(round: number, before: Version) {
  // The same in every run, and spread evenly: multiples of the golden ratio.
  const lifeMs = ((round * 0.618034) % 1) * LONGEST_LIFE_MS;
  const after = (version: Version): Version =>
    VERSIONS[(VERSIONS.indexOf(version) + 1 + (round % 3)) % VERSIONS.length] ?? 'v1';
  const first = after(before);
  return { first, last: round % 4 === 3 ? after(first) : first, lifeMs };
}

/** Waits until no host is between two releases. */
const settled = (name: string) => world.operator.exec(`status ${name} -wait ${PATIENCE}`);

/** Everything that was printed is in a log, and what began to print came to its end. */
function expectNothingCut(printed: readonly string[], logs: readonly RunningProgram[]): void {
  const began = printed.filter((line) => line.includes(' started>'));
  const ended = printed.filter((line) => line.includes(' ended>'));
  expect(ended.sort()).toEqual(began.map((line) => line.replace('started', 'ended')).sort());
  const logged = logs.map(({ log }) => log.text()).join('\n');
  expect(printed.filter((line) => !logged.includes(line))).toEqual([]);
}

it(
  `kill -9 of the agent, ${ROUNDS} times, with a script and programs that print, checks and a destination: nothing is cut or lost, and all that tells what is live agrees`,
  async () => {
    const name = 'crash';
    const hashes = await makeVersions(name);
    const host = await makeHost(name);
    let agent = host.start();
    const agents = [agent];
    await agent.log.line('deployed');
    let wanted: Version = 'v1';
    let good: Version = 'v1';

    for (let round = 0; round < ROUNDS; round += 1) {
      const { first, last, lifeMs } = planOf(round, wanted);
      const when = `round ${round}: ${first}, killed after ${Math.round(lifeMs)} ms, then ${last}`;
      await want(name, first);
      await delay(lifeMs);
      agent.child.kill('SIGKILL');
      await agent.ended;
      await ask(host.port).catch((error) => expect(String(error), when).toContain('HTTP 500'));
      if (last !== first) await want(name, last);
      agent = host.start();
      agents.push(agent);
      const { status, stdout } = await settled(name).catch((error: Error) => {
        throw new Error(`${when}: ${error.message}\n${agent.log.text()}`);
      });
      expect(status, `${when}\n${stdout}`).toBe(isGood(last) ? 0 : 1);
      await agent.log.line(({ msg }) => msg === 'nothing new' || msg === 'failed before, waiting');
      const said = await witnesses(host, name);
      const mayBeLive = isGood(last) ? [last] : [good, first].filter(isGood);
      good = said.versions.program as Version;
      expect(mayBeLive, when).toContain(good);
      expect(said.hashes, when).toEqual(allOf(said.hashes, hashes.get(good)));
      expect(said.versions, when).toEqual(allOf(said.versions, good));
      wanted = last;
    }
    expect(await stopAgent(agent)).toBe(0);
    expectNothingCut(host.printed(), agents);
  },
  60_000 + ROUNDS * 30_000,
);
