import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { takeAgentDirectory, takeAgentPlaces } from '@deploy-tools/agent/programs/daemon/agent-places.js';
import { createLogger, type Logger } from '@deploy-tools/shared/log.js';
import { beforeAll, beforeEach, expect, it } from 'vitest';
import { programsInPath } from '../../../../../test/support/programs-in-path.js';
import { describeWith } from '../../../../../test/support/requires.js';
import { testScope } from '../../../../../test/support/scope.js';
import { tempDir } from '../../../../../test/support/temp-dir.js';
import { makeTree } from '../../../../../test/support/tree.js';
import { kindOf } from '../../../../shared/test/support/kind-of.js';

let log: Logger;
beforeAll(async () => {
  log = await createLogger('test', 'silent');
});

let dir: string;
beforeEach(() => {
  dir = tempDir(testScope());
});

/** What the Go agent does first: flock(2) on its directory. It ends with its standard input. */
async function goAgentOn(path: string) {
  const child = spawn('flock', ['-n', path, '-c', 'echo held; cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
  testScope().defer(() => void child.kill());
  await once(child.stdout, 'data');
  return async () => {
    child.stdin.end();
    await once(child, 'exit');
  };
}

/** @returns 1 when somebody else has it. */
const tryFlock = (path: string) => spawnSync('flock', ['-n', path, 'true']).status;

describeWith(['flock'], 'a directory', () => {
  it('that the Go agent uses is refused, until that has ended', async () => {
    const end = await goAgentOn(dir);
    expect(() => takeAgentDirectory(dir, log)).toThrow(
      expect.objectContaining({
        kind: 'locked',
        message: `${dir} is locked by another program, as the Go deploy-agent locks it`,
      }),
    );
    await end();
    takeAgentDirectory(dir, log).release();
  });

  it('that an agent uses is refused to the Go agent, until it is released', () => {
    const held = takeAgentDirectory(dir, log);
    expect(tryFlock(dir)).toBe(1);
    expect(() => takeAgentDirectory(dir, log)).toThrow(`(process ${process.pid})`);
    expect(tryFlock(dir)).toBe(1);
    held.release();
    expect(tryFlock(dir)).toBe(0);
  });
});

it('goes on without flock(1), and says so', () => {
  programsInPath(testScope(), {});
  const said: unknown[] = [];
  const telling = Object.assign(Object.create(log), { warn: (...what: unknown[]) => said.push(what) });
  takeAgentDirectory(dir, telling).release();
  expect(said).toEqual([[{ dir, reason: expect.stringContaining('ENOENT') }, expect.any(String)]]);
});

it('a state file is one agent’s, and its directory is made', () => {
  const state = join(dir, 'states', 'deep', 'state.json');
  const [one, two] = [join(dir, 'one'), join(dir, 'two')];
  const held = takeAgentPlaces({ dir: one, state, user: undefined }, log);
  const take = () => takeAgentPlaces({ dir: two, state, user: undefined }, log);
  expect(take).toThrow(
    expect.objectContaining({
      kind: 'locked',
      message: `the state file ${state} is in use by another agent (process ${process.pid})`,
      hint: expect.stringContaining('-state DIR/state.json'),
    }),
  );
  held.release();
  take().release();
});

it('a state file that cannot be written keeps nothing locked', () => {
  writeFileSync(join(dir, 'file'), '');
  const places = { dir: join(dir, 'one'), state: join(dir, 'file', 'state.json'), user: undefined };
  expect(kindOf(() => takeAgentPlaces(places, log))).toBe('denied');
  takeAgentDirectory(places.dir, log).release();
});

it('removes the temporary files of an agent that was killed, and of nobody else', () => {
  const tmp = (name: string) => `.${name}.0123456789ab.tmp`;
  const kept = [tmp('notes'), '.journal.json.tmp', 'journal.json'];
  makeTree(dir, Object.fromEntries([...kept, tmp('journal.json'), tmp('current')].map((name) => [name, ''])));
  makeTree(join(dir, 'records'), { [tmp('a'.repeat(64))]: '', ['a'.repeat(64)]: '' });
  makeTree(join(dir, 'states'), { [tmp('state.json')]: '', [tmp('other.json')]: '' });
  takeAgentPlaces({ dir, state: join(dir, 'states', 'state.json'), user: undefined }, log).release();
  expect(readdirSync(dir).sort()).toEqual([...kept, 'lock', 'records', 'states'].sort());
  expect(readdirSync(join(dir, 'records'))).toEqual(['a'.repeat(64)]);
  expect(readdirSync(join(dir, 'states')).sort()).toEqual([tmp('other.json'), '.state.json.lock'].sort());
});
