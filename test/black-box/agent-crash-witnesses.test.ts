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

it(`kill -9 of the agent, ${ROUNDS} times, with a script and programs that print, checks and a destination: nothing is cut or lost, and all that tells what is live agrees`, async () => {
  const name = 'crash';
  const pack = (version: Version) =>
    packTree(scope, world.root, version, { version, 'server.mjs': SERVER });
  await addConfiguration(world.operator, name, { code: await pack('v1') });
  const hashes: Partial<Record<Version, string>> = { v1: await configurationHashOf(world.operator, name) };
  for (const version of VERSIONS.slice(1)) {
    await changeLayer(world.operator, name, 'code', version, await pack(version));
    hashes[version] = await configurationHashOf(world.operator, name);
  }
  const want = (version: Version) =>
    command(world.operator, `changeconf -name ${name} -component code -version ${version}`);
  await want('v1');
  const host = await makeHost(name);
  const logs: RunningProgram['log'][] = [];
  const start = () => {
    const agent = host.start();
    logs.push(agent.log);
    return agent;
  };
  let agent = start();
  await agent.log.line('deployed');
  let [wanted, good]: Version[] = ['v1', 'v1'];

  for (let round = 0; round < ROUNDS; round += 1) {
    // Moments and versions of a round are the same in every run, and spread evenly: multiples of the golden ratio.
    const share = (round * 0.618034) % 1;
    const next = () => VERSIONS[(VERSIONS.indexOf(wanted) + 1 + (round % 3)) % VERSIONS.length] ?? 'v1';
    wanted = next();
    const mayBeLive = [good, ...(isGood(wanted) ? [wanted] : [])];
    await want(wanted);
    await delay(share * LONGEST_LIFE_MS);
    agent.child.kill('SIGKILL');
    await agent.ended;
    let when = `round ${round}: ${wanted}, killed after ${Math.round(share * LONGEST_LIFE_MS)} ms`;
    await ask(host.port).catch((error) => expect(String(error), when).toContain('HTTP 500'));
    if (round % 4 === 3) {
      wanted = next();
      await want(wanted);
      when += `, then ${wanted}`;
    }
    agent = start();
    const { status, stdout } = await world.operator.exec(`status ${name} -wait ${PATIENCE}`);
    expect(status, `${when}\n${stdout}`).toBe(isGood(wanted) ? 0 : 1);
    await agent.log.line(({ msg }) => msg === 'nothing new' || msg === 'failed before, waiting');
    const said = await witnesses(host, name);
    good = isGood(wanted) ? wanted : (said.versions.program as Version);
    expect(mayBeLive.concat(wanted), when).toContain(good);
    expect(said.hashes, when).toEqual(allOf(said.hashes, hashes[good]));
    expect(said.versions, when).toEqual(allOf(said.versions, good));
  }

  expect(await stopAgent(agent)).toBe(0);
  const printed = host.printed();
  const starts = printed.filter((line) => line.includes(' started>'));
  expect(printed.filter((line) => line.includes(' ended>')).sort()).toEqual(
    starts.map((line) => line.replace('started', 'ended')).sort(),
  );
  const logged = logs.map((log) => log.text()).join('\n');
  expect(printed.filter((line) => !logged.includes(line))).toEqual([]);
}, 60_000 + ROUNDS * 30_000);
