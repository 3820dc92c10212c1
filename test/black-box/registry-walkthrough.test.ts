import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { archiveOf } from '../support/archive.js';
import { run } from '../support/run.js';
import { fileScope, testScope } from '../support/scope.js';
import { Terminal } from '../support/terminal.js';
import { startWorld, type World } from '../support/world.js';

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

/** A row as the columns that it is made of. */
function cells(row: string): string[] {
  return row.trim().split(/ {2,}|\t/);
}

/** The section "Managing registry" of the original's README, command by command. */
describe.each(['typed over a pty', 'piped without one'])('the walkthrough, console lines %s', (how) => {
  const scope = fileScope();
  let world: World;
  let home: string;

  beforeAll(async () => {
    world = await startWorld(scope);
    home = world.root;
    mkdirSync(join(home, 'project1'));
  });

  const shell = async (line: string, status = 0): Promise<string> => {
    const done = await run('sh', ['-c', line], { cwd: home, env: { ...process.env, HOME: home } });
    expect(done.status, done.stderr).toBe(status);
    return done.stdout;
  };

  /** `echo "put FILE" | sftp …`, as the README has it: not in batch mode. */
  const pipedPut = (file: string) => {
    const args = [...world.operator.options, '-P', String(world.registry.port), world.operator.destination];
    return run('sftp', args, { cwd: home, input: `put ${file}\n` });
  };

  /** Lines at the console; the rows that each printed. */
  const console = async (...lines: string[]): Promise<string[][]> => {
    if (how === 'piped without one') {
      const answers: string[][] = [];
      for (const line of lines) {
        const answer = await world.operator.lines(`${line}\n`);
        expect(answer.status, answer.stderr).toBe(0);
        answers.push(answer.stdout.split('\n').slice(0, -1));
      }
      return answers;
    }
    const terminal = new Terminal(testScope(), 'ssh', world.operator.sshArgs(), { columns: 200 });
    await terminal.line('> ');
    const answers: string[][] = [];
    for (const line of lines) answers.push(await terminal.run(line));
    terminal.press('\x04');
    expect(await terminal.ended).toBe(0);
    return answers;
  };

  it('packs and uploads two archives', async () => {
    writeFileSync(join(home, 'project1/program.txt'), 'program body v1\n');
    writeFileSync(join(home, 'project1/config.txt'), 'config v1\n');
    await shell('tar czf code_v1.tar.gz -C $HOME/project1 program.txt');
    await shell('tar czf config_v1.tar.gz -C $HOME/project1 config.txt');
    for (const file of ['code_v1.tar.gz', 'config_v1.tar.gz']) {
      const put = await pipedPut(file);
      expect(put.status, put.stderr).toBe(0);
      expect(put.stdout).toContain(`Uploading ${file} to /${file}`);
    }
  });

  it('makes two components of them', async () => {
    const code = archiveOf(join(home, 'code_v1.tar.gz')).hash;
    const config = archiveOf(join(home, 'config_v1.tar.gz')).hash;
    expect(
      await console(
        `addver -name code -version v01 -hash ${code}`,
        `addver -name config -version v01 -hash ${config}`,
      ),
    ).toEqual([[], []]);
    const [components, versions] = await console('components', 'showcomp -name config');
    expect(components).toEqual(['code', 'config']);
    expect(versions?.map(cells)).toEqual([[expect.stringMatching(TIME), 'v01']]);
  });

  it('makes a configuration and shows it', async () => {
    const [added, names, layers] = await console(
      'addconf -name project1 -layer code:v01 -layer config:v01',
      'configurations',
      'showconf -name project1',
    );
    expect(added).toEqual([]);
    expect(names).toEqual(['project1']);
    expect(layers?.map(cells)).toEqual([
      ['code', 'v01', expect.stringMatching(TIME)],
      ['config', 'v01', expect.stringMatching(TIME)],
    ]);
  });

  it('changes it to a second version', async () => {
    writeFileSync(join(home, 'project1/config.txt'), 'config v2\n');
    await shell('tar czf config_v2.tar.gz -C $HOME/project1 config.txt');
    expect((await pipedPut('config_v2.tar.gz')).status).toBe(0);
    const { hash } = archiveOf(join(home, 'config_v2.tar.gz'));
    const [, changed, layers] = await console(
      `addver -name config -version v02 -hash ${hash}`,
      'changeconf -name project1 -component config -version v02',
      'showconf -name project1',
    );
    expect(changed).toEqual([]);
    expect(layers?.map(cells)[1]?.slice(0, 2)).toEqual(['config', 'v02']);
  });

  it('shows the agent its configuration: sftp deploy-agent@host:configs/project1.json', async () => {
    const { options, destination } = world.agent;
    const { port } = world.registry;
    const got = await run('sftp', [...options, '-P', String(port), `${destination}:configs/project1.json`], {
      cwd: home,
    });
    expect(got.status, got.stderr).toBe(0);
    const config = JSON.parse(await shell('cat project1.json'));
    const { hash } = archiveOf(join(home, 'config_v2.tar.gz'));
    expect(config).toMatchObject({
      Name: 'project1',
      Layers: [
        { Name: 'code', Version: 'v01' },
        { Name: 'config', Version: 'v02', File: `files/${hash}`, Hash: hash },
      ],
    });
  });
});
