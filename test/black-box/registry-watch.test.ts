import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeWatchLine, type WatchEvent } from '@deploy-tools/shared/watch-line.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Archive, addVersion, makeTar } from '../support/archive.js';
import { command } from '../support/configuration.js';
import { type PrintingProgram, startPrinting } from '../support/printed-lines.js';
import { binPath } from '../support/program.js';
import { fileScope, type Scope, testScope } from '../support/scope.js';
import { KEY, Terminal } from '../support/terminal.js';
import { startWorld, type World } from '../support/world.js';

const scope = fileScope();
let world: World;

/** A registry with two versions to choose from. */
async function startWatchable(owner: Scope, flags: readonly string[] = []): Promise<World> {
  const made = await startWorld(owner, flags);
  const archive: Archive = makeTar(join(made.root, 'a'), Buffer.from('a'));
  const other: Archive = makeTar(join(made.root, 'b'), Buffer.from('b'));
  await addVersion(made.operator, archive, 'code', 'v1');
  await addVersion(made.operator, other, 'code', 'v2');
  return made;
}

beforeAll(async () => {
  world = await startWatchable(scope, ['-heartbeat', '200ms']);
});

/** `ssh` with the agents' key, watching. */
function watchAsAgent(of: World, ...names: readonly string[]): PrintingProgram {
  return startPrinting(testScope(), 'ssh', of.agent.sshArgs('--', `watch ${names.join(' ')}`));
}

function watchAsOperator(...words: readonly string[]): PrintingProgram {
  return startPrinting(testScope(), 'ssh', world.operator.sshArgs('--', `watch ${words.join(' ')}`));
}

/** What was told but for signs of life. */
function told(program: PrintingProgram): (WatchEvent | undefined)[] {
  return program.lines.map(decodeWatchLine).filter((event) => event?.kind !== 'heartbeat');
}

const says = (part: string) => (line: string) => line.includes(part);

describe('an agent that watches', () => {
  it('is told what is, at once what changes, and regularly that the registry lives', async () => {
    await command(world.operator, 'addconf agents code:v1');
    const watch = watchAsAgent(world, 'agents', "'not there'");
    await watch.count(2);
    await command(world.operator, 'changeconf agents code:v2');
    await watch.line(says('"Revision":2'));
    await command(world.operator, 'changeconf agents code:v2'); // no change
    await command(world.operator, 'delconf agents -force');
    await watch.line(says('"absent","Name":"agents","Revision":3'));
    await command(world.operator, "addconf 'not there' code:v1");
    await watch.line(says('"config","Name":"not there","Revision":1'));
    const { hash } = JSON.parse(await command(world.operator, "showconf 'not there' -json"));
    expect(told(watch)).toMatchObject([
      { kind: 'config', name: 'agents', revision: 1, hash },
      { kind: 'absent', name: 'not there', revision: 0 },
      { kind: 'config', name: 'agents', revision: 2 },
      { kind: 'absent', name: 'agents', revision: 3 },
      { kind: 'config', name: 'not there', revision: 1, hash },
    ]);
    const from = watch.lines.length;
    await watch.line(says('"heartbeat"'), from);
    await watch.line(says('"heartbeat"'), from + 1);
  });

  it('is told only of what it asked for, and not who did it', async () => {
    await command(world.operator, 'addconf mine code:v1');
    const watch = watchAsAgent(world, 'mine');
    await watch.count(1);
    await command(world.operator, 'addconf others code:v1');
    await command(world.operator, 'changeconf mine code:v2');
    await watch.line(says('"Revision":2'));
    expect(told(watch)).toHaveLength(2);
    expect(Object.keys(JSON.parse(watch.lines[0] ?? ''))).toEqual([
      'Event',
      'Name',
      'Revision',
      'Hash',
      'Mtime',
    ]);
  });

  it.each([
    ['nothing', '', 'name the configurations to watch'],
    ['what cannot be a name', 'a/b', 'configuration name cannot contain / symbol'],
    ['too much', Array.from({ length: 101 }, (_, index) => `p${index}`).join(' '), 'at most 100'],
  ])('%s gets the reason, status 1', async (_, names, reason) => {
    const done = await world.agent.exec(`watch ${names}`);
    expect(done).toMatchObject({ status: 1, stdout: '' });
    expect(done.stderr).toContain(reason);
  });

  it.each(['components', 'watches p', "'watch", '', 'constructor', 'audit'])(
    'is refused anything else: %j',
    async (line) => {
      const from = world.registry.log.lines.length;
      const done = await world.agent.exec(line === '' ? ' ' : line);
      expect(done.status).not.toBe(0);
      expect(done.stdout).toBe('');
      await world.registry.log.lineAfter(from, ({ msg }) => msg.startsWith('exec refused'));
    },
  );

  it('that leaves without a word costs nothing more', async () => {
    const watch = watchAsAgent(world, 'leaves');
    await watch.count(1);
    const from = world.registry.log.lines.length;
    watch.child.kill('SIGKILL');
    await watch.ended;
    await command(world.operator, 'addconf leaves code:v1');
    expect(world.registry.log.lines.slice(from).filter(({ level }) => level > 40)).toEqual([]);
  });
});

describe('a watch ends with status 0', () => {
  it('when the registry stops, and does not hold it up, not even one that does not read', async () => {
    const own = await startWatchable(testScope());
    const watch = watchAsAgent(own, 'p');
    const stuck = watchAsAgent(own, 'p');
    await Promise.all([watch.count(1), stuck.count(1)]);
    stuck.child.kill('SIGSTOP');
    const started = performance.now();
    const stopped = own.registry.stop();
    expect(await watch.ended).toBe(0);
    expect(await stopped).toBe(0);
    expect(performance.now() - started).toBeLessThan(20_000);
    expect(own.registry.log.lines.filter(({ msg }) => msg.startsWith('grace period'))).toEqual([]);
  });

  it('when the key is removed', async () => {
    const own = await startWatchable(testScope());
    const watch = watchAsAgent(own, 'p');
    await watch.count(1);
    writeFileSync(own.registry.site.agentKeys, `${own.registry.site.operator.line}\n`);
    expect(await watch.ended).toBe(0);
    expect((await own.agent.exec('watch p')).status).toBe(255);
  });
});

describe('an operator who watches', () => {
  it('sees the same lines, and who made what by which command', async () => {
    await command(world.operator, 'addconf seen code:v1');
    const watch = watchAsOperator('-name', 'seen', '-json');
    await watch.count(1);
    await command(world.operator, 'changeconf seen code:v2');
    const line = await watch.line(says('"Revision":2'));
    expect(JSON.parse(line)).toMatchObject({
      Event: 'config',
      Name: 'seen',
      Who: 'operator@test',
      Command: 'changeconf seen code:v2',
    });
    await watch.line(says('"heartbeat"'));
  });

  it('sees text, of all configurations, those to come too; it is in the audit log', async () => {
    await command(world.operator, 'addconf before code:v1');
    const watch = watchAsOperator();
    await watch.line(says('   before   1   '));
    await command(world.operator, 'addconf text code:v1');
    const line = await watch.line(says('   text   1   '));
    await command(world.operator, 'delconf text -force');
    expect(line).toMatch(/^\S+Z {3}text {3}1 {3}[0-9a-f]{64} {3}operator@test {3}addconf text code:v1$/);
    const gone = await watch.line(says('deleted'));
    expect(gone).toMatch(/^\S+Z {3}text {3}2 {3}deleted {3}operator@test {3}delconf text -force$/);
    const from = world.registry.log.lines.length;
    watch.child.kill('SIGINT');
    await watch.ended;
    await world.registry.log.lineAfter(
      from,
      ({ msg, command: line }) => msg === 'command done' && String(line).trim() === 'watch',
    );
    expect(await command(world.operator, 'audit -command watch -limit 1')).toMatch(
      / {3}ok {3}\d+ms {3}watch\s*$/m,
    );
  });

  it('is told of a name that there is not', async () => {
    const watch = watchAsOperator('nobody');
    await watch.count(1);
    expect(watch.lines[0]).toBe('-   nobody   unknown');
  });

  it('ends it by Ctrl-C on a terminal, and goes on in the console', async () => {
    await command(world.operator, 'addconf keys code:v1');
    const terminal = new Terminal(testScope(), 'ssh', world.operator.sshArgs(), { columns: 200 });
    await terminal.line('> ');
    terminal.press('watch keys', KEY.enter);
    await terminal.until('what is', () => terminal.screen.rows.some((row) => / keys {3}1 /.test(row)));
    await command(world.operator, 'changeconf keys code:v2');
    await terminal.until('what changed', () => terminal.screen.rows.some((row) => / keys {3}2 /.test(row)));
    terminal.press(KEY.ctrl('C'));
    await terminal.line('> ');
    expect(await terminal.run('configurations')).toContain('keys');
    terminal.press(KEY.ctrl('D'));
    expect(await terminal.ended).toBe(0);
    const exec = new Terminal(testScope(), 'ssh', ['-t', ...world.operator.sshArgs('watch', 'keys')], {
      columns: 200,
    });
    await exec.until('what is', () => exec.screen.rows.some((row) => / keys {3}2 /.test(row)));
    exec.press(KEY.ctrl('C'));
    expect(await exec.ended).toBe(0);
  });

  it('sees it through deployctl, until interrupted', async () => {
    await command(world.operator, 'addconf ctl code:v1');
    const { host, port, fingerprint, site } = world.registry;
    const watch = startPrinting(testScope(), binPath('deployctl'), [
      ...['-addr', `${host}:${port}`, '-fp', fingerprint, '-key', site.operator.path, '-user', 'ops'],
      ...['watch', 'ctl', 'ctl2'],
    ]);
    await watch.count(2);
    watch.child.kill('SIGUSR1'); // Node.js would open its debugger, and say so
    await command(world.operator, 'addconf ctl2 code:v1');
    await watch.count(3);
    watch.child.kill('SIGINT');
    expect(await watch.ended).toBe(130);
    expect(watch.stderr()).toBe('');
    expect(watch.lines.map((line) => line.split('   ')[1])).toEqual(['ctl', 'ctl2', 'ctl2']);
  });
});
