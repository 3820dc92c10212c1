import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { addVersion, makeTar } from '../support/archive.js';
import { run } from '../support/run.js';
import { fileScope } from '../support/scope.js';
import { startWorld, type World } from '../support/world.js';

const scope = fileScope();
let world: World;

beforeAll(async () => {
  world = await startWorld(scope);
  const archive = makeTar(join(world.root, 'a'), randomBytes(10));
  await addVersion(world.operator, archive, 'code', 'v01');
  await addVersion(world.operator, archive, 'config', 'v01');
  for (const line of ['addconf project1 code:v01 config:v01', 'addconf project2 code:v01'])
    expect((await world.operator.exec(line)).status).toBe(0);
});

describe('the console without a terminal', () => {
  it('runs lines of standard input; status 1 when one failed, 0 otherwise', async () => {
    const good = await world.operator.lines('components\r\n\n  \nconfigurations');
    expect(good).toMatchObject({ status: 0, stderr: '' });
    expect(good.stdout).toMatch(/^code\nconfig\nproject1\nproject2\n/);
    const bad = await world.operator.lines('components\nnosuch\nshowcomp code\n');
    expect(bad.status).toBe(1);
    expect(bad.stderr).toContain('Unknown command');
    expect(bad.stdout).toMatch(/^code\nconfig\n.*v01/);
  });

  it('nothing at all is no error', async () => {
    expect(await world.operator.lines('')).toMatchObject({ status: 0, stdout: '', stderr: '' });
  });

  it('exit leaves the rest unread', async () => {
    expect(await world.operator.lines('components\nexit\nnosuch\n')).toMatchObject({ status: 0, stderr: '' });
    expect(await world.operator.lines('nosuch\nexit\ncomponents\n')).toMatchObject({ status: 1, stdout: '' });
  });

  it('a line without an end is refused', async () => {
    const answer = await world.operator.lines('x'.repeat(200_000));
    expect(answer.status).toBe(1);
    expect(answer.stderr).toContain('command line is longer than 65536 bytes');
  });

  it('many lines at once', async () => {
    const lines = 'components\n'.repeat(300);
    const answer = await world.operator.lines(lines);
    expect(answer.status).toBe(0);
    expect(answer.stdout).toBe('code\nconfig\n'.repeat(300));
  });
});

it('a command with a terminal (ssh -tt HOST COMMAND) ends its lines as terminals need it', async () => {
  const answer = await run('ssh', ['-tt', ...world.operator.sshArgs('components')]);
  expect(answer).toMatchObject({ status: 0, stdout: 'code\r\nconfig\r\n' });
  const refused = await run('ssh', ['-tt', ...world.operator.sshArgs('nosuch')]);
  expect(refused.status).toBe(1);
  expect(refused.stdout + refused.stderr).not.toMatch(/[^\r]\n/);
});
