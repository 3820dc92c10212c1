import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type AgentSite, deployedHash, makeAgentSite, stopAgent } from '../support/agent-site.js';
import { addConfiguration, changeLayer, command, configurationHashOf } from '../support/configuration.js';
import { PATIENCE } from '../support/patience.js';
import { binPath, startProgram } from '../support/program.js';
import { run } from '../support/run.js';
import { fileScope, testScope } from '../support/scope.js';
import { tempDir } from '../support/temp-dir.js';
import { packTree } from '../support/tree.js';
import { until } from '../support/until.js';
import { overOneConnection, startWorld, type World } from '../support/world.js';

const scope = fileScope();
let world: World;

beforeAll(async () => {
  world = await overOneConnection(scope, await startWorld(scope));
});

const release = (version: string) => packTree(scope, world.root, version, { version });

function entry(name: string, site: AgentSite): string {
  return `  - name: ${name}\n    dir: ${site.dir}\n    state: ${site.state}\n    script: ${site.script}\n`;
}

function fileFor({ registry }: World, dir: string, ...entries: string[]): string {
  const { host, port, fingerprint, site } = registry;
  const shared = `addr: ${host}:${port}\nfp: ${fingerprint}\nkey: ${site.agent.path}\ndir: ${dir}\npoll: 100ms\nhost: web1\n`;
  return `${shared}configurations:\n${entries.join('')}`;
}

describe('several configurations in one agent', () => {
  it('go their own ways; the file is read again at SIGHUP', async () => {
    for (const name of ['good', 'bad', 'later'])
      await addConfiguration(world.operator, name, { [`${name}-code`]: await release(name) });
    const dir = tempDir(testScope());
    const [good, bad, later] = [
      makeAgentSite(testScope()),
      makeAgentSite(testScope(), 'exit 3'),
      makeAgentSite(testScope()),
    ];
    const path = join(dir, 'agent.yml');
    writeFileSync(path, fileFor(world, dir, entry('good', good), entry('bad', bad)));
    const agent = startProgram(testScope(), 'deploy-agent', ['-config', path, '-v']);
    await agent.log.line('deployed');
    await agent.log.line((line) => line.msg.startsWith('deployment failed'));
    expect(deployedHash(good)).toBe(await configurationHashOf(world.operator, 'good'));
    expect(deployedHash(bad)).toBeUndefined();

    const changed = agent.log.lines.length;
    await changeLayer(world.operator, 'good', 'good-code', 'v2', await release('better'));
    await agent.log.lineAfter(changed, 'deployed');
    expect(deployedHash(good)).toBe(await configurationHashOf(world.operator, 'good'));

    const broken = agent.log.lines.length;
    writeFileSync(path, 'configurations: 3');
    agent.child.kill('SIGHUP');
    await agent.log.lineAfter(broken, 'the configurations stay as they are');
    const reread = agent.log.lines.length;
    writeFileSync(path, fileFor(world, dir, entry('good', good), entry('later', later)));
    agent.child.kill('SIGHUP');
    await agent.log.lineAfter(reread, 'deployed');
    expect(deployedHash(later)).toBe(await configurationHashOf(world.operator, 'later'));
    const status = await run(binPath('deploy-agent'), ['ctl', 'status', '-json', '-dir', dir]);
    const names = status.stdout
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { Config: string }).Config);
    expect(names).toEqual(['good', 'later']);
    expect(await stopAgent(agent)).toBe(0);
  });

  it('have their programs started anew at SIGUSR1, not by a reload of what else changed, and ended at once by SIGTERM', async () => {
    const names = ['runs', 'runs-too'];
    for (const name of names)
      await addConfiguration(world.operator, name, { [`${name}-code`]: await release(name) });
    const dir = tempDir(testScope());
    const path = join(dir, 'agent.yml');
    const program = 'command: [/bin/sh, -c, "echo begun; exec sleep 600"]';
    const entries = (more = '') =>
      names.map((name) => `  - {name: ${name}, script: "", min-healthy: 0s, ${program}${more}}\n`);
    writeFileSync(path, fileFor(world, dir, ...entries()));
    const agent = startProgram(testScope(), 'deploy-agent', ['-config', path]);
    const count = (wanted: string, configuration: string) =>
      agent.log.lines.filter((line) => line.msg === wanted && line.configuration === configuration).length;
    await until('both are deployed', () => names.every((name) => count('deployed', name) === 1));
    agent.child.kill('SIGUSR1');
    await until('both have begun again', () => names.every((name) => count('begun', name) === 2));
    await until('the runs before have ended', () =>
      names.every((name) => count('the program: ended', name) === 1),
    );

    const go = join(dir, 'go');
    const slow = makeAgentSite(testScope(), `while test ! -e ${go}; do sleep 0.1; done`);
    await addConfiguration(world.operator, 'slow', { 'slow-code': await release('slow') });
    const changed = entries(', healthy-deadline: 2m');
    const file = (...all: readonly string[]) => `labels: { zone: newer }\n${fileFor(world, dir, ...all)}`;
    writeFileSync(path, file(...changed, entry('slow', slow)));
    agent.child.kill('SIGHUP');
    await until('the registry knows the label', async () =>
      (await world.operator.exec('agents -label zone=newer')).stdout.includes('web1'),
    );
    await until('the script runs', () => slow.calls().length === 1);
    expect(names.map((name) => count('begun', name))).toEqual([2, 2]);
    const reread = agent.log.lines.length;
    writeFileSync(path, file(...changed));
    agent.child.kill('SIGHUP');
    await agent.log.lineAfter(reread, 'the configurations were read again');
    agent.child.kill('SIGTERM');
    await until('both have ended, though a script runs', () =>
      names.every((name) => count('the program: ended', name) === 2),
    );
    expect(names.map((name) => count('begun', name))).toEqual([2, 2]);
    expect(agent.child.exitCode).toBeNull();
    writeFileSync(go, '');
    expect(await agent.ended).toBe(0);
    expect(agent.log.plain).toEqual([]);
  });

  it('may be more than a connection has channels, and come and go', async () => {
    const few = await startWorld(testScope(), ['-max-channels', '4']);
    const names = Array.from({ length: 6 }, (_, index) => `app${index}`);
    const code = await packTree(testScope(), few.root, 'one', { version: 'one' });
    await addConfiguration(few.operator, 'first', { code });
    for (const name of [...names, 'later']) await command(few.operator, `addconf ${name} code:v1`);
    const dir = tempDir(testScope());
    const path = join(dir, 'agent.yml');
    const file = (all: readonly string[]) =>
      fileFor(few, dir, ...all.map((name) => `  - {name: ${name}, script: ""}\n`));
    writeFileSync(path, file(names));
    const agent = startProgram(testScope(), 'deploy-agent', ['-config', path, '-v']);
    const inSync = async (name: string) =>
      (await few.operator.exec(`status ${name} -wait ${PATIENCE}`)).status;
    for (const name of names) expect(await inSync(name)).toBe(0);
    expect(agent.log.lines.filter(({ msg }) => /refuse|failed/.test(msg))).toEqual([]);

    for (let round = 0; round < 4; round++) {
      const reread = agent.log.lines.length;
      writeFileSync(path, file([...names.slice(1), ...(round % 2 === 0 ? ['later'] : [])]));
      agent.child.kill('SIGHUP');
      await agent.log.lineAfter(reread, 'the configurations were read again');
    }
    writeFileSync(path, file([...names.slice(1), 'later']));
    agent.child.kill('SIGHUP');
    expect(await inSync('later')).toBe(0);
    await until('the first is not followed any more', async () => {
      const { stdout } = await few.operator.exec('status app0');
      return stdout.includes('no host follows it');
    });
    expect(agent.log.lines.filter(({ msg }) => /takes no reports|watch/.test(msg))).toEqual([]);
    expect(await stopAgent(agent)).toBe(0);
  });

  it('does not start with a file that has a mistake, and names it', async () => {
    const dir = tempDir(testScope());
    writeFileSync(
      join(dir, 'agent.yml'),
      fileFor(world, dir, '  - name: a\n    scirpt: x\n  - name: b\n    colour: red\n'),
    );
    const done = await run(binPath('deploy-agent'), ['-config', join(dir, 'agent.yml')]);
    expect(done.status).toBe(2);
    expect(done.stderr.replace(dir, '')).toBe(
      [
        'deploy-agent: /agent.yml has 2 mistakes:',
        '  line 9, column 5: there is no key "scirpt" here; did you mean script?',
        '  line 11, column 5: there is no key "colour" here; its keys are named as the flags are (see docs/agent.md, -config)',
        'see deploy-agent -h\n',
      ].join('\n'),
    );
  });
});
