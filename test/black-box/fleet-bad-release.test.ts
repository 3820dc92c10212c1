import { expect, it } from 'vitest';
import { makeAgentSite, stopAgent } from '../support/agent-site.js';
import { addConfiguration, changeLayer, command } from '../support/configuration.js';
import { freePort } from '../support/free-port.js';
import { ask } from '../support/http-load.js';
import { PATIENCE } from '../support/patience.js';
import { fileScope, testScope } from '../support/scope.js';
import { serve, servedRelease } from '../support/served-release.js';
import { overOneConnection, startWorld, type World } from '../support/world.js';

/** 20 for a thorough look. */
const HOSTS = Number(process.env.FLEET_HOSTS ?? 2);

const scope = fileScope();
const NAME = 'fleet';

async function startHost(world: World, at: number) {
  const site = makeAgentSite(testScope());
  const listen = `127.0.0.1:${await freePort()}`;
  const flags = ['-host', `web${at + 1}`, '-port', listen, '-health-http', `http://${listen}/`];
  return await serve({ world, site, scope: testScope() }, NAME, flags);
}

it(`a release that answers with errors: status -wait of ${HOSTS} hosts ends when each serves the good one again, and logs has what its program printed`, async () => {
  const world = await overOneConnection(scope, await startWorld(scope));
  await addConfiguration(world.operator, NAME, { code: await servedRelease({ scope, world }, 'v1') });
  const hosts = await Promise.all(Array.from({ length: HOSTS }, (_, at) => startHost(world, at)));
  for (const { agent } of hosts) await agent.log.line('deployed');
  expect((await world.operator.exec(`status ${NAME} -wait ${PATIENCE}`)).status).toBe(0);

  await changeLayer(
    world.operator,
    NAME,
    'code',
    'v2',
    await servedRelease({ scope, world }, 'v2', 'broken'),
  );
  const { status, stdout } = await world.operator.exec(`status ${NAME} -wait ${PATIENCE}`);
  const answers = await Promise.all(hosts.map(({ port }) => ask(port)));
  const logs = await Promise.all(hosts.map((_, at) => command(world.operator, `logs ${NAME} web${at + 1}`)));
  expect(status).toBe(1);
  for (const [at, answer] of answers.entries()) {
    expect(stdout).toMatch(
      new RegExp(`^failed +web${at + 1} +rolled-back .*unhealthy: failed 3 times in a row: http `, 'm'),
    );
    expect(answer).toMatch(/^v1 /);
    expect(logs[at]).toMatch(/\nserving\n/);
  }
  for (const { agent } of hosts) expect(await stopAgent(agent)).toBe(0);
});
