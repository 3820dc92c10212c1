import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { agentOnce, makeAgentSite, startAgent, stopAgent } from '../support/agent-site.js';
import { addConfiguration, changeLayer, command } from '../support/configuration.js';
import { PATIENCE } from '../support/patience.js';
import { testScope } from '../support/scope.js';
import { packTree } from '../support/tree.js';
import { until } from '../support/until.js';
import { startWorld } from '../support/world.js';

const BLOCKED = 'echo blocked; while test -e "$0.block"; do sleep 0.05; done; echo "line of the script"';

it('an outcome that came while the registry was away is told when it is back; labels, history and logs know it', async () => {
  const world = await startWorld(testScope(), ['-heartbeat', '1s']);
  const code = await packTree(testScope(), world.root, 'code', { version: 'one' });
  await addConfiguration(world.operator, 'project', { code });
  const site = makeAgentSite(testScope(), BLOCKED);
  const flags = ['-host', 'web1', '-label', 'zone=a', '-label', 'rack=b=c'];
  const agent = startAgent(testScope(), world, site, 'project', flags);
  await agent.log.line('deployed');
  writeFileSync(`${site.script}.block`, '');
  const two = await packTree(testScope(), world.root, 'two', { version: 'two' });
  await changeLayer(world.operator, 'project', 'code', 'v2', two);
  await agent.log.lineAfter(agent.log.lines.length, 'blocked');
  await world.registry.kill9();
  rmSync(`${site.script}.block`);
  await until('the outcome is kept', () => existsSync(join(site.dir, 'outcomes.jsonl')));
  await world.registry.restart();
  await until('it is told', () => !existsSync(join(site.dir, 'outcomes.jsonl')), 30_000);
  expect((await world.operator.exec(`status project -wait ${PATIENCE}`)).status).toBe(0);
  expect(await command(world.operator, 'logs -name project -host web1')).toContain('line of the script');
  const agents = JSON.parse(await command(world.operator, 'agents -json'));
  expect(JSON.stringify(agents)).toContain('"zone":"a"');
  expect(JSON.stringify(agents)).toContain('"rack":"b=c"');
  expect(await stopAgent(agent)).toBe(0);
});

const GOES_BACK = `if test "$REASON" = rollback; then
  while test -e "$0.block"; do sleep 0.05; done
  echo "back to $(cat "$NEWROOT/version")"; exit 0
fi
echo "putting $(cat "$NEWROOT/version") live"; test "$(cat "$NEWROOT/version")" != two || exit 3`;

it('status -wait ends when the last host is back on a good release; logs has both ways of each then', async () => {
  const world = await startWorld(testScope());
  const code = await packTree(testScope(), world.root, 'code', { version: 'one' });
  await addConfiguration(world.operator, 'project', { code });
  const sites = [makeAgentSite(testScope(), GOES_BACK), makeAgentSite(testScope(), GOES_BACK)];
  const agents = sites.map((site, at) =>
    startAgent(testScope(), world, site, 'project', ['-host', `web${at + 1}`, '-rollback=true']),
  );
  for (const { log } of agents) await log.line('deployed');
  for (const { script } of sites) writeFileSync(`${script}.block`, '');
  const two = await packTree(testScope(), world.root, 'two', { version: 'two' });
  await changeLayer(world.operator, 'project', 'code', 'v2', two);
  let isOver = false;
  const waiting = world.operator.exec(`status project -wait ${PATIENCE}`).finally(() => {
    isOver = true;
  });
  const states = async () => {
    const { hosts } = JSON.parse(await command(world.operator, 'status project -json'));
    return hosts.map(({ state }: { state: string }) => state).join(' ');
  };
  await until('both go back', async () => (await states()) === 'rolling-back rolling-back');
  rmSync(`${sites[0]?.script}.block`);
  await until('one is back', async () => (await states()) === 'rolled-back rolling-back');
  expect(isOver).toBe(false);
  rmSync(`${sites[1]?.script}.block`);
  const { status, stdout } = await waiting;
  for (const host of ['web1', 'web2']) {
    const logs = await command(world.operator, `logs project ${host}`);
    expect(logs).toMatch(
      /rolled-back at .*\nscript: .*exit.* 3.*\n(.*\n)*putting two live\n(.*\n)*back to one\n/,
    );
    expect(stdout).toMatch(new RegExp(`^failed +${host} +rolled-back .*script: .*3`, 'm'));
  }
  expect(status).toBe(1);
  expect(stdout.endsWith('\nfailed: web1 web2\n')).toBe(true);
  for (const agent of agents) expect(await stopAgent(agent)).toBe(0);
});

it('-once tells the outcome before it ends; -report=false tells nothing', async () => {
  const world = await startWorld(testScope());
  const code = await packTree(testScope(), world.root, 'code', { version: 'one' });
  await addConfiguration(world.operator, 'project', { code });
  const site = makeAgentSite(testScope());
  expect((await agentOnce(world, site, 'project', ['-host', 'cron1', '-report=false'])).status).toBe(0);
  expect(await command(world.operator, 'agents')).not.toContain('cron1');
  site.scriptDoes('exit 4');
  const two = await packTree(testScope(), world.root, 'two', { version: 'two' });
  await changeLayer(world.operator, 'project', 'code', 'v2', two);
  expect((await agentOnce(world, site, 'project', ['-host', 'cron1'])).status).toBe(1);
  expect(existsSync(join(site.dir, 'outcomes.jsonl'))).toBe(false);
  expect(await command(world.operator, 'status -name project')).toMatch(/cron1 +failed .*exit status 4/);

  // An outcome of what this agent followed once is no reason not to be heard.
  const gone = { Type: 'state', Config: 'gone', State: 'healthy', Deploy: 'd9' };
  writeFileSync(join(site.dir, 'outcomes.jsonl'), `${JSON.stringify(gone)}\n`);
  site.scriptDoes('');
  expect((await agentOnce(world, site, 'project', ['-host', 'cron1'])).status).toBe(0);
  expect(await command(world.operator, 'status -name project')).toMatch(/in sync +cron1/);
});
