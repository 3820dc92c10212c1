import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { agentArgs, agentOnce, makeAgentSite, startAgent, stopAgent } from '../support/agent-site.js';
import { addConfiguration, changeLayer, command } from '../support/configuration.js';
import { LogFollower } from '../support/log-follower.js';
import { binPath } from '../support/program.js';
import { type RunResult, run } from '../support/run.js';
import { fileScope, testScope } from '../support/scope.js';
import { packTree } from '../support/tree.js';
import { until } from '../support/until.js';
import { overOneConnection, startWorld, type World } from '../support/world.js';

const scope = fileScope();
let world: World;

beforeAll(async () => {
  world = await overOneConnection(scope, await startWorld(scope));
  const release = (version: string) => packTree(scope, world.root, version, { version });
  await addConfiguration(world.operator, 'first', { code: await release('one') });
  await changeLayer(world.operator, 'first', 'code', 'v2', await release('two'));
});

let names = 0;

/** A host that follows a configuration of its own, at version one; nothing runs there yet. */
async function makeHost() {
  names += 1;
  const name = `guarded${names}`;
  await command(world.operator, `addconf -name ${name} -layer code:v1`);
  const site = makeAgentSite(testScope());
  const change = (version: string) =>
    command(world.operator, `changeconf -name ${name} -component code -version ${version}`);
  const guard = (flags: readonly string[], ...words: string[]): Promise<RunResult> =>
    run(binPath('deploy-agent'), ['guard', '-dir', site.dir, ...flags, '--', ...words]);
  return { name, site, change, guard };
}

/** What tells the guard of the registry, of an agent's arguments. */
function accessOf(name: string, site: ReturnType<typeof makeAgentSite>, addr?: string): string[] {
  const args = agentArgs(world, site, name);
  const values = ['-addr', '-fp', '-key', '-name'].flatMap((flag) => [
    flag,
    args[args.indexOf(flag) + 1] ?? '',
  ]);
  return addr === undefined ? values : [...values, '-addr', addr];
}

describe('guard, where an agent runs', () => {
  it('on a new host waits for its first cycle, then becomes the program', async () => {
    const { site, name, guard } = await makeHost();
    const guarded = guard(['-wait', '30s'], 'sh', '-c', 'cat "$0/current/version"; exit 7', site.dir);
    const agent = startAgent(testScope(), world, site, name, ['-poll', '1h']);
    expect(await guarded).toMatchObject({ status: 7, stdout: 'one' });
    expect(await stopAgent(agent)).toBe(0);
  });

  it('exits 75 where another release is wanted, or the wanted one failed, and says so', async () => {
    const { site, name, change, guard } = await makeHost();
    const agent = startAgent(testScope(), world, site, name, ['-poll', '1h', '-rollback=true']);
    await agent.log.line('deployed');
    site.scriptDoes('test "$REASON" = rollback');
    await change('v2');
    await agent.log.line('rolled back to the last good release');
    const refused = await guard(['-wait', '1s'], 'true');
    expect(refused.status).toBe(75);
    expect(refused.stderr).toMatch(/the release here is \w{12}, but \w{12} is wanted: it is rolled-back/);
    expect((await guard(['-wait', '1s', '-rolled-back'], 'true')).status).toBe(0);
    expect(await stopAgent(agent)).toBe(0);
  });
});

describe('guard, where no agent runs', () => {
  it('asks the registry, and where that cannot be reached trusts the last good release for a while', async () => {
    const { site, name, change, guard } = await makeHost();
    expect((await guard([...accessOf(name, site), '-wait', '0s'], 'true')).stderr).toContain(
      'no release is here',
    );
    expect((await agentOnce(world, site, name)).status).toBe(0);
    expect((await guard([...accessOf(name, site), '-wait', '10s'], 'echo', 'up')).stdout).toBe('up\n');
    await change('v2');
    const { status, stderr } = await guard([...accessOf(name, site), '-wait', '1s'], 'true');
    expect([status, stderr]).toEqual([75, expect.stringContaining('is wanted')]);

    const away = [...accessOf(name, site, '127.0.0.1:1'), '-wait', '100ms'];
    expect(await guard(away, 'true')).toMatchObject({
      status: 0,
      stderr: expect.stringContaining('cannot connect'),
    });
    const stale = await guard([...away, '-max-stale', '1ms'], 'true');
    expect([stale.status, stale.stderr]).toEqual([75, expect.stringContaining('too long')]);
  });
});

describe('the program that the guard becomes', () => {
  it('has its process group, gets its signals, and ends it the way it ends', async () => {
    const { site, name } = await makeHost();
    await agentOnce(world, site, name);
    const script = `trap 'echo got >> "$0"; trap - USR1' USR1; echo $$ > "$0"; while :; do sleep 0.05; done`;
    const note = join(site.root, 'note');
    const args = ['guard', '-dir', site.dir, ...accessOf(name, site), '--', 'sh', '-c', script, note];
    const child = spawn(binPath('deploy-agent'), args, { stdio: ['ignore', 'ignore', 'pipe'] });
    const log = new LogFollower(child.stderr);
    testScope().defer(() => void child.kill('SIGKILL'));
    const ended = new Promise((resolve) => child.on('exit', (code, signal) => resolve(code ?? signal)));
    const noted = () => readFileSync(note, { encoding: 'utf8', flag: 'a+' }).trim().split('\n');
    await until('the program runs', () => noted()[0] !== '');
    const groupOf = (pid: number | string | undefined) =>
      readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/.*\) /, '').split(' ')[2];
    expect(groupOf(noted()[0])).toBe(groupOf(child.pid));
    child.kill('SIGUSR1');
    await until('the signal is passed on', () => noted()[1] === 'got');
    child.kill('SIGTERM');
    expect(await ended).toBe('SIGTERM');
    expect(log.text()).toContain('is the one that is wanted');
  });

  it('has to be named, and to be there', async () => {
    const { site, name, guard } = await makeHost();
    const { status, stderr } = await run(binPath('deploy-agent'), ['guard', '-dir', site.dir]);
    expect([status, stderr]).toEqual([2, expect.stringContaining('name it after --')]);
    await agentOnce(world, site, name);
    expect((await guard(accessOf(name, site), 'no-such-program')).status).toBe(127);
    expect((await guard(accessOf(name, site), '/etc/passwd')).status).toBe(126);
  });
});
