import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openListeners } from '@deploy-tools/agent/process/supervise/open-listeners.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeAgentSite, stopAgent } from '../support/agent-site.js';
import { addConfiguration, changeLayer, command, configurationHashOf } from '../support/configuration.js';
import { freePort } from '../support/free-port.js';
import { ask, startHttpLoad } from '../support/http-load.js';
import type { LogFollower } from '../support/log-follower.js';
import { PATIENCE } from '../support/patience.js';
import { startActivated, startWithSockets } from '../support/program.js';
import { describeWith } from '../support/requires.js';
import { fileScope, testScope } from '../support/scope.js';
import { type ServingHost, serve, servedRelease, servingArgs } from '../support/served-release.js';
import { until } from '../support/until.js';
import { overOneConnection, startWorld, type World } from '../support/world.js';

const scope = fileScope();
let world: World;

beforeAll(async () => {
  world = await overOneConnection(scope, await startWorld(scope, ['-heartbeat', '1s']));
});

const addServed = async (name: string): Promise<void> =>
  addConfiguration(world.operator, name, { [`${name}-code`]: await servedRelease({ scope, world }, 'v1') });

/** A bad release passes once, so that its program takes over, and never again. */
const CHECK = [
  '-health-exec',
  'test ! -e "$NEWROOT/bad" || mkdir "$NEWROOT/asked"',
  '-health-interval',
  '100ms',
];
/** Time is not what ends its validation. */
const PATIENT = [...CHECK, ...['-unhealthy-after', '0', '-healthy-deadline', '30m']];
/** Time enough for what comes in the middle to begin before the release is given up. */
const GIVES_UP = [...CHECK, ...['-unhealthy-after', '30']];

/** An agent with its program's port, however it was started. */
interface Agent {
  readonly log: LogFollower;
  readonly port: number;
  kill(signal: NodeJS.Signals): void;
  stop(): Promise<number | NodeJS.Signals>;
}

type Start = (host: ServingHost, name: string, flags: readonly string[]) => Promise<Agent>;

const startAlone: Start = async (host, name, flags) => {
  const { agent, port } = await serve({ ...host, scope: testScope() }, name, flags);
  return { log: agent.log, port, kill: (signal) => agent.child.kill(signal), stop: () => stopAgent(agent) };
};

const startBySocket: Start = async (host, name, flags) => {
  const port = await freePort();
  const listen = `127.0.0.1:${port}`;
  const dir = join(host.site.root, 'activated');
  mkdirSync(dir);
  const program = ['deploy-agent', ...servingArgs(host, name, [...flags, '-port', listen])] as const;
  const activated = startActivated(testScope(), { listen, dir }, program);
  await until('it listens', () => activated.log.plain.length > 0);
  return { ...activated, port };
};

/** A host that serves v1 under a load, until the program of a bad v2 has just taken over. */
async function validating(start: Start, name: string, flags: readonly string[]) {
  await addServed(name);
  const first = await configurationHashOf(world.operator, name);
  const site = makeAgentSite(testScope());
  const agent = await start({ world, site }, name, [...flags, '-host', name]);
  expect(await ask(agent.port)).toContain('v1 '); // the connection waits for the first release
  await agent.log.line('deployed');
  const load = startHttpLoad({ port: agent.port, fresh: 4, kept: 4 });
  const bad = await servedRelease({ scope, world }, 'v2', 'marked');
  await changeLayer(world.operator, name, `${name}-code`, 'v2', bad);
  await agent.log.line(({ msg, generation }) => msg === 'the program: in-charge' && generation === 2);
  const starts = async (signal: NodeJS.Signals): Promise<void> => {
    const before = agent.log.lines.length;
    agent.kill(signal);
    await agent.log.lineAfter(before, 'the program: started');
  };
  /** That v1 serves again and alone, that nobody was refused and nothing cut. */
  const goodInTheEnd = async (): Promise<void> => {
    const { failures, answers } = await load.stop();
    expect(failures).toEqual([]);
    expect([...answers.keys()].sort()).toEqual(['v1', 'v2']);
    expect(await ask(agent.port)).toContain('v1 ');
    const journal = JSON.parse(readFileSync(join(site.dir, 'journal.json'), 'utf8'));
    expect(journal).toMatchObject({ running: { hash: first }, attempt: { step: 'rolled-back' } });
    expect(await agent.stop()).toBe(0);
  };
  return { agent, starts, goodInTheEnd };
}

describe.each(['SIGHUP', 'SIGUSR1'] as const)('%s while a bad release is validated', (signal) => {
  const word = signal.toLowerCase();

  it('keeps it neither alive nor the host from rolling back', async () => {
    const { agent, starts, goodInTheEnd } = await validating(startAlone, `failing-${word}`, GIVES_UP);
    await starts(signal);
    await agent.log.line('rolled back to the last good release');
    await goodInTheEnd();
    expect(agent.log.plain).toEqual([]);
  });

  it('does not hold up the rollback that an operator asks for, and again in the middle of that', async () => {
    const name = `unwanted-${word}`;
    const { agent, starts, goodInTheEnd } = await validating(startAlone, name, PATIENT);
    await starts(signal);
    await command(world.operator, `rollback -name ${name}`);
    await agent.log.line('rolling back to the last good release');
    agent.kill(signal);
    await agent.log.line('rolled back to the last good release');
    expect((await world.operator.exec(`status ${name} -wait ${PATIENCE}`)).status).toBe(0);
    await goodInTheEnd();
  });
});

describe('a program whose sockets a service manager has opened', () => {
  it('refuses nobody while the agent is restarted', async () => {
    await addServed('handed');
    const site = makeAgentSite(testScope());
    const { sockets, close } = await openListeners([{ host: '127.0.0.1', port: 0 }]);
    testScope().defer(close);
    const { fd, port } = sockets[0] ?? { fd: -1, port: 0 };
    const args = servingArgs({ world, site }, 'handed', ['-port', `127.0.0.1:${port}`]);
    const start = () => startWithSockets(testScope(), 'deploy-agent', args, [fd]);
    const first = start();
    await first.log.line('deployed');
    const load = startHttpLoad({ port, fresh: 4, kept: 4 });
    expect(await stopAgent(first)).toBe(0);
    const next = start();
    await next.log.line('the program: started');
    expect(await ask(port)).toContain('v1');
    const { failures, requests } = await load.stop();
    expect(failures).toEqual([]);
    expect(requests).toBeGreaterThan(10);
    expect(await stopAgent(next)).toBe(0);
  });
});

describeWith(
  ['systemd-socket-activate'],
  'an agent that systemd-socket-activate starts at the first connection',
  () => {
    it('and starts anew while a bad release is validated, rolls back, and refuses nobody', async () => {
      const { agent, starts, goodInTheEnd } = await validating(startBySocket, 'activated', GIVES_UP);
      await starts('SIGTERM');
      await agent.log.line('rolled back to the last good release');
      await goodInTheEnd();
    });

    it('and starts anew when an operator has asked for a rollback meanwhile, refuses nobody', async () => {
      const name = 'away';
      const { agent, goodInTheEnd } = await validating(startBySocket, name, PATIENT);
      agent.kill('SIGTERM');
      await command(world.operator, `rollback -name ${name}`);
      await agent.log.line('rolled back to the last good release');
      expect((await world.operator.exec(`status ${name} -wait ${PATIENCE}`)).status).toBe(0);
      await goodInTheEnd();
    });
  },
);
