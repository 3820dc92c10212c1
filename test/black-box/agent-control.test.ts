import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type AgentSite, deployedHash, makeAgentSite, startAgent, stopAgent } from '../support/agent-site.js';
import { addConfiguration, changeLayer, configurationHashOf } from '../support/configuration.js';
import { binPath, type RunningProgram } from '../support/program.js';
import { type RunResult, run } from '../support/run.js';
import { fileScope, testScope } from '../support/scope.js';
import { packTree } from '../support/tree.js';
import { until } from '../support/until.js';
import { overOneConnection, startWorld, type World } from '../support/world.js';

const scope = fileScope();
let world: World;

beforeAll(async () => {
  world = await overOneConnection(scope, await startWorld(scope));
});

function ctl(site: AgentSite, ...words: string[]): Promise<RunResult> {
  return run(binPath('deploy-agent'), ['ctl', ...words, '-dir', site.dir]);
}

async function statusOf(site: AgentSite): Promise<Record<string, unknown>> {
  const { stdout, status } = await ctl(site, 'status', '-json');
  expect(status).toBe(0);
  return JSON.parse(stdout) as Record<string, unknown>;
}

const release = (version: string) => packTree(scope, world.root, version, { version });

/** An agent that deployed its first release, and looks by itself only when the test is long over. */
async function following(name: string): Promise<{ site: AgentSite; agent: RunningProgram; first: string }> {
  await addConfiguration(world.operator, name, { [`${name}-code`]: await release(`${name}-one`) });
  const site = makeAgentSite(testScope());
  const agent = startAgent(testScope(), world, site, name, ['-host', 'web1', '-poll', '1h', '-watch=false']);
  await agent.log.line('deployed');
  return { site, agent, first: await configurationHashOf(world.operator, name) };
}

async function change(name: string, version: string): Promise<string> {
  await changeLayer(world.operator, name, `${name}-code`, version, await release(`${name}-${version}`));
  return await configurationHashOf(world.operator, name);
}

describe('ctl', () => {
  it('asks for a look, for everybody of the owner and nobody else', async () => {
    const { site, agent, first } = await following('asked');
    expect(statSync(join(site.dir, 'agent.sock')).mode & 0o777).toBe(0o600);
    expect(await statusOf(site)).toMatchObject({
      Config: 'asked',
      State: 'healthy',
      Running: { Hash: first },
    });
    const second = await change('asked', 'v2');
    const before = agent.log.lines.length;
    expect(await ctl(site, 'check')).toMatchObject({ status: 0, stdout: 'asked: polling the registry\n' });
    await agent.log.lineAfter(before, 'deployed');
    expect(deployedHash(site)).toBe(second);

    const third = await change('asked', 'v3');
    const again = agent.log.lines.length;
    const wake = await run(binPath('deploy-agent'), ['wake', '-dir', site.dir]);
    expect(wake).toEqual({ status: 0, stdout: '', stderr: '' });
    await agent.log.lineAfter(again, 'deployed');
    expect(deployedHash(site)).toBe(third);
    const table = (await ctl(site, 'status')).stdout;
    expect(table).toMatch(/^CONFIGURATION +STATE +REVISION/);
    expect(table).toContain(third.slice(0, 12));
    await stopAgent(agent);
    expect(existsSync(join(site.dir, 'agent.sock'))).toBe(false);
  });

  it('pauses, across a restart too, until resume', async () => {
    const { site, agent, first } = await following('paused');
    const pausing = await run(
      binPath('deploy-agent'),
      ['ctl', 'pause', '-dir', site.dir, '-reason', 'disk is replaced'],
      { env: { ...process.env, SUDO_USER: 'alice' } },
    );
    expect(pausing.stdout).toBe('paused: paused\n');
    const why = /paused by alice since \S+Z: disk is replaced/;
    expect((await ctl(site, 'pause')).stdout).toMatch(why);
    const shown = async () => (await world.operator.exec('status paused')).stdout;
    await until('the registry knows it', async () => why.test(await shown()));
    expect(await shown()).toMatch(/^1 host: 1 in sync; 1 paused$/m);
    const retry = await world.operator.exec('retry paused -host web1');
    expect(retry.stdout).toMatch(why);
    expect(retry.status).toBe(1);
    const second = await change('paused', 'v2');
    await ctl(site, 'check');
    await agent.log.line('paused by an operator on this host, waiting');
    expect(await statusOf(site)).toMatchObject({ State: 'paused', Paused: true, Running: { Hash: first } });
    expect((await ctl(site, 'status')).stdout).toMatch(why);
    agent.child.kill('SIGKILL');
    await agent.ended;

    const next = startAgent(testScope(), world, site, 'paused', ['-host', 'web1', '-poll', '1h']);
    await next.log.line('paused by an operator on this host, waiting');
    expect(deployedHash(site)).toBe(first);
    expect((await ctl(site, 'resume', '-name', 'paused')).stdout).toBe('paused: resumed\n');
    await next.log.line('deployed');
    expect(deployedHash(site)).toBe(second);
    await until('it is not paused any more', async () => !(await shown()).includes('paused by'));
  });

  it('goes back once to the release before, which stays until retry', async () => {
    const { site, agent, first } = await following('back');
    expect(await ctl(site, 'rollback')).toMatchObject({ status: 1, stdout: '' });
    const second = await change('back', 'v2');
    const early = agent.log.lines.length;
    await ctl(site, 'check');
    await agent.log.lineAfter(early, 'deployed');
    const before = agent.log.lines.length;
    expect((await ctl(site, 'rollback')).stdout).toBe('back: rolling back to revision 1\n');
    await agent.log.lineAfter(before, 'rolled back by an operator on this host, waiting');
    expect(deployedHash(site)).toBe(first);
    expect(site.calls().map(({ env }) => [env.OLDID, env.NEWID, env.REASON])).toEqual([
      ['', first, 'deploy'],
      [first, second, 'deploy'],
      [second, first, 'rollback'],
    ]);
    expect(await statusOf(site)).toMatchObject({
      State: 'rolled-back',
      Error: { Message: expect.stringMatching(/^\S+ on the host rolled back from it$/) },
      Hash: second,
      Running: { Hash: first },
    });
    const twice = await ctl(site, 'rollback');
    expect(twice).toMatchObject({ status: 1 });
    expect(twice.stderr).toContain('rolled back already');

    await ctl(site, 'retry');
    await agent.log.lineAfter(before, 'deployed');
    expect(deployedHash(site)).toBe(second);
    expect(site.calls().at(-1)?.env).toMatchObject({ REASON: 'retry', OLDID: first });

    const settled = agent.log.lines.length;
    expect((await ctl(site, 'redeploy')).stdout).toBe('back: deploying revision 2 again\n');
    await agent.log.lineAfter(settled, 'deployed');
    expect(site.calls().at(-1)?.env).toMatchObject({ REASON: 'retry', OLDID: second, NEWID: second });
  });

  it('tries again what failed', async () => {
    const { site, agent } = await following('again');
    site.scriptDoes('exit 3');
    const second = await change('again', 'v2');
    await ctl(site, 'check');
    await agent.log.line((line) => line.msg.startsWith('deployment failed'));
    const failedAt = agent.log.lines.length;
    site.scriptDoes('');
    expect((await ctl(site, 'retry')).stdout).toBe('again: trying again\n');
    await agent.log.lineAfter(failedAt, 'deployed');
    expect(deployedHash(site)).toBe(second);
    expect((await ctl(site, 'retry')).stdout).toBe('again: nothing is held back\n');
  });

  it('says so where no agent runs, and what it does not know', async () => {
    const site = makeAgentSite(testScope());
    const nobody = await ctl(site, 'status');
    expect(nobody.status).toBe(1);
    expect(nobody.stderr).toMatch(/^deploy-agent ctl status: no agent runs in .* \(check -dir/);
    const unknown = await ctl(site, 'explode');
    expect(unknown.status).toBe(2);
    expect(unknown.stderr).toContain('use status, check, retry, redeploy, cancel, pause, resume, rollback');
    expect((await run(binPath('deploy-agent'), ['ctl', '-h'])).stdout).toContain('rollback');
  });

  it('takes the place of what is left of an agent that was killed, and refuses unknown names', async () => {
    const { site, agent } = await following('killed');
    agent.child.kill('SIGKILL');
    await agent.ended;
    expect((await ctl(site, 'status')).stderr).toContain('no agent runs in');
    const next = startAgent(testScope(), world, site, 'killed');
    await next.log.line('nothing new');
    expect(await statusOf(site)).toMatchObject({ State: 'healthy' });
    const other = await ctl(site, 'status', '-name', 'other');
    expect(other).toMatchObject({ status: 1 });
    expect(other.stderr).toContain('it follows killed');
  });
});
