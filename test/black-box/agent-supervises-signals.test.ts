import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeAgentSite, stopAgent } from '../support/agent-site.js';
import { addConfiguration, changeLayer, command, configurationHashOf } from '../support/configuration.js';
import { ask, startHttpLoad } from '../support/http-load.js';
import { PATIENCE } from '../support/patience.js';
import { fileScope, testScope } from '../support/scope.js';
import { serve, servedRelease } from '../support/served-release.js';
import { overOneConnection, startWorld, type World } from '../support/world.js';

const scope = fileScope();
let world: World;

beforeAll(async () => {
  world = await overOneConnection(scope, await startWorld(scope, ['-heartbeat', '1s']));
});

/** A bad release passes once, so that its program takes over, and never again. */
const CHECK = [
  '-health-exec',
  'test ! -e "$NEWROOT/bad" || mkdir "$NEWROOT/asked"',
  '-health-interval',
  '100ms',
];
/** Time is not what ends its validation. */
const PATIENT = [...CHECK, ...['-unhealthy-after', '0', '-healthy-deadline', '30m']];
/** Time enough for a restart to begin before the release is given up. */
const GIVES_UP = [...CHECK, ...['-unhealthy-after', '30']];

/** A host that serves v1 under a load, until the program of a bad v2 has just taken over. */
async function validating(name: string, flags: readonly string[]) {
  await addConfiguration(world.operator, name, {
    [`${name}-code`]: await servedRelease({ scope, world }, 'v1'),
  });
  const first = await configurationHashOf(world.operator, name);
  const site = makeAgentSite(testScope());
  const host = { scope: testScope(), world, site };
  const { agent, port } = await serve(host, name, [...flags, '-host', name]);
  await agent.log.line('deployed');
  const load = startHttpLoad({ port, fresh: 4, kept: 4 });
  await changeLayer(
    world.operator,
    name,
    `${name}-code`,
    'v2',
    await servedRelease({ scope, world }, 'v2', 'marked'),
  );
  await agent.log.line(({ msg, generation }) => msg === 'the program: in-charge' && generation === 2);
  const restart = async (signal: NodeJS.Signals): Promise<void> => {
    const before = agent.log.lines.length;
    agent.child.kill(signal);
    await agent.log.lineAfter(before, 'the program: started');
  };
  /** That v1 serves again and alone, that nobody was refused and nothing cut. */
  const goodInTheEnd = async (): Promise<void> => {
    const { failures, answers } = await load.stop();
    expect(failures).toEqual([]);
    expect([...answers.keys()].sort()).toEqual(['v1', 'v2']);
    expect(await ask(port)).toContain('v1 ');
    const journal = JSON.parse(readFileSync(join(site.dir, 'journal.json'), 'utf8'));
    expect(journal).toMatchObject({ running: { hash: first }, attempt: { step: 'rolled-back' } });
    expect(agent.log.plain).toEqual([]);
    expect(await stopAgent(agent)).toBe(0);
  };
  return { agent, restart, goodInTheEnd };
}

describe.each(['SIGHUP', 'SIGUSR1'] as const)('%s while a bad release is validated', (signal) => {
  const word = signal.toLowerCase();

  it('keeps it neither alive nor the host from rolling back', async () => {
    const { agent, restart, goodInTheEnd } = await validating(`failing-${word}`, GIVES_UP);
    await restart(signal);
    await agent.log.line('gone back to the last good release');
    await goodInTheEnd();
  });

  it('does not hold up the rollback that an operator asks for, and again in the middle of that', async () => {
    const name = `unwanted-${word}`;
    const { agent, restart, goodInTheEnd } = await validating(name, PATIENT);
    await restart(signal);
    await command(world.operator, `rollback -name ${name}`);
    await agent.log.line('going back to the last good release');
    agent.child.kill(signal);
    await agent.log.line('gone back to the last good release');
    expect((await world.operator.exec(`status ${name} -wait ${PATIENCE}`)).status).toBe(0);
    await goodInTheEnd();
  });
});
