import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type AgentSite,
  agentOnce,
  deployedHash,
  makeAgentSite,
  startAgent,
  stopAgent,
} from '../support/agent-site.js';
import { addConfiguration, configurationHashOf } from '../support/configuration.js';
import { fileScope, testScope } from '../support/scope.js';
import { listTree, packTree } from '../support/tree.js';
import { until } from '../support/until.js';
import { overOneConnection, startWorld, type World } from '../support/world.js';

const scope = fileScope();
let world: World;

beforeAll(async () => {
  world = await overOneConnection(scope, await startWorld(scope));
  const code = await packTree(scope, world.root, 'code', { 'a.txt': 'a' });
  await addConfiguration(world.operator, 'project', { code });
});

/** Says that it runs, and ends when the file `go` is there; prints nothing then, for there may be no agent to read it. */
const WAITING = 'echo waiting; while ! test -e "$0.go"; do sleep 0.05; done; touch "$0.done"';

function letGo(site: AgentSite): void {
  writeFileSync(`${site.script}.go`, '');
}

describe('SIGTERM', () => {
  it.each(['SIGTERM', 'SIGQUIT'] as const)(
    '(%s) lets a running script finish, saves the state, and ends with 0',
    async (signal) => {
      const site = makeAgentSite(testScope(), `${WAITING}; echo "went on"`);
      const agent = startAgent(testScope(), world, site, 'project');
      await agent.log.line('waiting');
      agent.child.kill('SIGUSR1');
      agent.child.kill(signal);
      await agent.log.line('stopping; a running script is waited for');
      expect(deployedHash(site)).toBeUndefined();
      letGo(site);
      expect(await agent.ended).toBe(0);
      expect(agent.log.text()).toContain('went on');
      expect(deployedHash(site)).toBe(await configurationHashOf(world.operator, 'project'));
      expect(agent.log.lines.at(-1)?.msg).toBe('stopped');
      expect(agent.log.plain).toEqual([]); // Node.js says there that SIGUSR1 opened its debugger
    },
  );

  it.each(['SIGTERM', 'SIGINT'] as const)('and %s after it end the agent at once', async (second) => {
    const site = makeAgentSite(testScope(), WAITING);
    const agent = startAgent(testScope(), world, site, 'project');
    await agent.log.line('waiting');
    agent.child.kill('SIGTERM');
    await agent.log.line('stopping; a running script is waited for');
    agent.child.kill(second);
    expect(await agent.ended).toBe(1);
    expect(deployedHash(site)).toBeUndefined();
    letGo(site);
    await until('the script has ended', () => existsSync(`${site.script}.done`));
  });
});

describe('a script that an agent left running', () => {
  it('is waited for by the next one; its release is not touched under it', async () => {
    const site = makeAgentSite(testScope(), `${WAITING}; ls "$NEWROOT" > "$0.saw"`);
    const first = startAgent(testScope(), world, site, 'project');
    await first.log.line('waiting');
    first.child.kill('SIGKILL');
    await first.ended;
    const { NEWROOT = '' } = site.calls()[0]?.env ?? {};
    writeFileSync(join(NEWROOT, 'started'), '');

    const second = startAgent(testScope(), world, site, 'project');
    await second.log.line('the script that an earlier agent started still runs, waiting for it');
    letGo(site);
    await second.log.line('deployed');
    expect(site.calls()).toHaveLength(2);
    expect(readFileSync(`${site.script}.saw`, 'utf8')).toBe('a.txt\nstarted\n');
    expect(site.calls()[1]?.env.NEWROOT).toBe(NEWROOT);
  });

  it('does not hold up an agent that is to stop', async () => {
    const site = makeAgentSite(testScope(), WAITING);
    const first = startAgent(testScope(), world, site, 'project');
    await first.log.line('waiting');
    first.child.kill('SIGKILL');
    await first.ended;
    const second = startAgent(testScope(), world, site, 'project');
    await second.log.line('the script that an earlier agent started still runs, waiting for it');
    expect(await stopAgent(second)).toBe(0);
    letGo(site);
    await until('the script has ended', () => existsSync(`${site.script}.done`));
  });

  it('is ended when it takes longer than a script may', async () => {
    const site = makeAgentSite(testScope(), WAITING);
    const first = startAgent(testScope(), world, site, 'project');
    await first.log.line('waiting');
    first.child.kill('SIGKILL');
    await first.ended;
    site.scriptDoes('');
    const next = await agentOnce(world, site, 'project', ['-script-timeout', '500ms']);
    expect(next.stderr).toContain('the script takes too long and is stopped');
    expect(next.status).toBe(0);
  });
});

describe('a script', () => {
  it('that takes too long is ended with all that it started', async () => {
    const body = 'sleep 60 & echo "child $!"; wait';
    const site = makeAgentSite(testScope(), body);
    const agent = startAgent(testScope(), world, site, 'project', ['-script-timeout', '700ms']);
    const child = await agent.log.line((line) => line.msg.startsWith('child '));
    const failed = await agent.log.line((line) => line.kind === 'script');
    expect(failed.msg).toContain('did not end within 700ms and was stopped');
    const pid = child.msg.split(' ')[1] ?? '';
    await until('the child has ended', () => !isRunning(pid));
    expect(deployedHash(site)).toBeUndefined();
  });

  it('may leave a daemon behind, which outlives the agent', async () => {
    const site = makeAgentSite(testScope(), 'sleep 60 >/dev/null 2>&1 & echo "$!" > "$0.pid"; echo done');
    expect((await agentOnce(world, site, 'project')).status).toBe(0);
    const pid = readFileSync(`${site.script}.pid`, 'utf8').trim();
    expect(isRunning(pid)).toBe(true);
    process.kill(Number(pid), 'SIGKILL');
  });
});

describe('a second agent on the same directory', () => {
  it('is refused, naming the process that has it', async () => {
    const site = makeAgentSite(testScope());
    const agent = startAgent(testScope(), world, site, 'project');
    await agent.log.line('nothing new');
    const second = await agentOnce(world, site, 'project');
    expect(second.status).toBe(1);
    const message = `deploy-agent: ${site.dir} is in use by another agent (process ${agent.child.pid}) (stop it`;
    expect(second.stderr).toContain(message);
    expect(listTree(join(site.dir, 'unpacked'))).not.toEqual([]);
  });
});

function isRunning(pid: string): boolean {
  if (!existsSync(`/proc/${pid}/stat`)) return false;
  return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}
