import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { addVersion, makeTar } from '../support/archive.js';
import { fileScope, testScope } from '../support/scope.js';
import { makeSshKey } from '../support/ssh-key.js';
import { KEY, Terminal, type TerminalOptions } from '../support/terminal.js';
import { startWorld, type World } from '../support/world.js';

const { ctrl } = KEY;

const scope = fileScope();
let world: World;

beforeAll(async () => {
  world = await startWorld(scope);
  const archive = makeTar(join(world.root, 'a'), randomBytes(10));
  await addVersion(world.operator, archive, 'code', 'v01');
  await addVersion(world.operator, archive, 'config', 'v01');
  await addVersion(world.operator, archive, 'config', 'v02');
  for (const line of ['addconf project1 code:v01 config:v01', 'addconf project2 code:v01'])
    expect((await world.operator.exec(line)).status).toBe(0);
});

/** A console at its first prompt. */
async function open(options: TerminalOptions = {}): Promise<Terminal> {
  const terminal = new Terminal(testScope(), 'ssh', world.operator.sshArgs(), options);
  await terminal.line('> ');
  return terminal;
}

describe('the console on a terminal', () => {
  it('answers, goes on after an error, shows help', async () => {
    const terminal = await open();
    expect(await terminal.run('components')).toEqual(['code', 'config']);
    expect((await terminal.run('nosuch')).slice(0, 2)).toEqual([
      'Unknown command, supported commands are:',
      expect.stringContaining('help, addver'),
    ]);
    expect((await terminal.run('showconf -name nope'))[0]).toContain('"nope" not found');
    expect((await terminal.run('showconf -h')).slice(0, 2)).toEqual(['Usage of showconf:', '  -json']);
    expect(await terminal.run('')).toEqual([]);
    expect(await terminal.run('   ')).toEqual([]);
    expect((await terminal.run('help')).length).toBeGreaterThan(10);
  });

  it.each([
    ['Ctrl-D', ctrl('D')],
    ['exit', 'exit\r'],
    ['quit', 'quit\r'],
    ['logout', '  logout  \r'],
  ])('%s ends it with status 0, also after an error', async (_, keys) => {
    const terminal = await open();
    await terminal.run('nosuch');
    terminal.press(keys);
    expect(await terminal.ended).toBe(0);
  });

  it('Ctrl-D in a line deletes what is under the cursor', async () => {
    const terminal = await open();
    terminal.press('componXents', KEY.left, KEY.left, KEY.left, KEY.left, KEY.left, ctrl('D'));
    await terminal.line('> components');
    expect(await terminal.enter()).toEqual(['code', 'config']);
  });

  it('Ctrl-C clears the line and ends nothing', async () => {
    const terminal = await open();
    terminal.press('delconf project1 -force', ctrl('C'));
    await terminal.until(
      'an empty prompt',
      () => terminal.screen.cursor.column === 2 && terminal.screen.rows.some((row) => row.endsWith('^C')),
    );
    expect(await terminal.run('configurations')).toEqual(['project1', 'project2']);
    terminal.press('abc', KEY.left, ctrl('C'));
    await terminal.until(
      'cleared again',
      () => terminal.screen.rows.filter((row) => row.endsWith('^C')).length === 2,
    );
    await terminal.line('> ');
    expect(await terminal.run('components')).toEqual(['code', 'config']);
  });

  it('Ctrl-Z, Ctrl-S, Ctrl-\\ and unknown escapes do nothing to the registry', async () => {
    const terminal = await open();
    terminal.press(ctrl('Z'), '\x1b[99~', '\x1bOP', '\x1b[1;5C', '\x1c');
    terminal.press('components');
    await terminal.line('> components');
    expect(await terminal.enter()).toEqual(['code', 'config']);
    expect((await world.operator.exec('components')).status).toBe(0);
  });

  it('edits: arrows, Home, End, Ctrl-A/E/K/W/U/Y, insertion in the middle', async () => {
    const terminal = await open();
    terminal.press('mponents', KEY.home, 'co', KEY.end, '!', KEY.backspace);
    await terminal.line('> components');
    terminal.press(ctrl('A'), 'x', ctrl('E'), 'y');
    await terminal.line('> xcomponentsy');
    terminal.press(KEY.left, KEY.left, KEY.left, ctrl('K'));
    await terminal.line('> xcomponen');
    terminal.press(ctrl('U'));
    await terminal.line('> ');
    terminal.press('showconf -name wrong', ctrl('W'), 'project1');
    await terminal.line('> showconf -name project1');
    terminal.press(ctrl('A'), KEY.right, KEY.right, KEY.right, KEY.right, 'XY', ctrl('H'), ctrl('H'));
    await terminal.line('> showconf -name project1');
    expect((await terminal.enter()).map((row) => row.split(/ +/).slice(0, 2))).toEqual([
      ['code', 'v01'],
      ['config', 'v01'],
    ]);
  });

  it('a paste goes where the cursor is', async () => {
    const terminal = await open();
    terminal.press('show project1', ctrl('A'), KEY.right, KEY.right, KEY.right, KEY.right);
    await terminal.line('> show project1');
    terminal.press('conf -name');
    await terminal.line('> showconf -name project1');
  });

  it('a paste of several lines runs them all, in order', async () => {
    const terminal = await open({ rows: 50 });
    terminal.press('components\rconfigurations\rshowcomp -name config\rhelp nosuch\rcomp');
    const all = /code\nconfig\n.*project1\nproject2\n.*v01\n.*v02.*\n.*unknown command "nosuch".*\n> comp$/s;
    await terminal.until('all answers in order', () => all.test(terminal.screen.rows.join('\n')));
  });

  it('wraps long lines and survives a resize, also to nothing', async () => {
    const terminal = await open({ columns: 40 });
    terminal.press(`showconf -name ${'x'.repeat(60)}`);
    await terminal.until('a wrapped line', () => terminal.screen.cursor.row > 0);
    terminal.resize(120, 40);
    terminal.press(ctrl('U'));
    await terminal.line('> ');
    terminal.press('components');
    await terminal.line('> components');
    expect(await terminal.enter()).toEqual(['code', 'config']);
    terminal.resize(1, 1);
    terminal.resize(80, 24);
    terminal.press('configurations\r');
    await terminal.until('an answer', () => /project1\nproject2\n/.test(terminal.screen.rows.join('\n')));
  });

  it('wide and combining characters keep their places', async () => {
    const terminal = await open();
    terminal.press('showconf -name 日本語', KEY.left, KEY.left, 'x');
    await terminal.line('> showconf -name 日x本語');
    expect(terminal.screen.cursor.column).toBe('> showconf -name '.length + 3);
    terminal.press(ctrl('U'), ctrl('K'), 'showconf -name e\u0301a', KEY.left, 'b');
    await terminal.line('> showconf -name e\u0301ba');
    expect(await terminal.enter()).toEqual([expect.stringContaining('configuration "e\u0301ba" not found')]);
    terminal.press('showconf -name 😀', KEY.backspace, 'ok');
    await terminal.line('> showconf -name ok');
  });

  it('shows what it echoes harmlessly', async () => {
    const terminal = await open();
    const [row] = await terminal.run("showconf -name 'a\u202eb'");
    expect(row).toContain('a\\u202eb');
  });

  it('typing ahead while a command runs is not lost', async () => {
    const terminal = await open({ rows: 50 });
    terminal.press('gc -n\rcomponents\r');
    await terminal.until('both answers', () =>
      /would free.*code\nconfig\n>/s.test(terminal.screen.rows.join('\n')),
    );
  });
});

describe('history', () => {
  it('up and down, with the line begun kept', async () => {
    const terminal = await open();
    await terminal.run('components');
    await terminal.run('configurations');
    terminal.press('show', ctrl('U'));
    terminal.press(KEY.up);
    await terminal.line('> configurations');
    terminal.press(KEY.up);
    await terminal.line('> components');
    terminal.press(KEY.down);
    await terminal.line('> configurations');
    terminal.press(KEY.down);
    await terminal.line('> ');
  });

  it('is there after reconnecting, quoted as it was meant, for each key its own', async () => {
    const first = await open();
    await first.run('showconf -name "my project"');
    await first.run("showcomp 'unterminated");
    first.press(ctrl('D'));
    await first.ended;
    const second = await open();
    second.press(KEY.up);
    await second.line("> showcomp 'unterminated");
    second.press(KEY.up);
    await second.line('> showconf -name "my project"');

    const other = await makeSshKey(world.root, 'other');
    const from = world.registry.log.lines.length;
    writeFileSync(world.registry.site.operatorKeys, `${world.registry.site.operator.line}\n${other.line}\n`);
    await world.registry.log.lineAfter(from, 'key file loaded');
    const theirs = new Terminal(testScope(), 'ssh', world.client('ops', other).sshArgs());
    await theirs.line('> ');
    theirs.press(KEY.up, 'x');
    await theirs.line('> x');
  });

  it('Ctrl-R searches back, again and again; Enter runs, Escape keeps, Ctrl-C leaves', async () => {
    const terminal = await open();
    await terminal.run('showconf -name project1');
    await terminal.run('showconf -name project2');
    await terminal.run('components');
    terminal.press(ctrl('R'), 'proj');
    await terminal.line("(reverse-i-search)`proj': showconf -name project2");
    terminal.press(ctrl('R'));
    await terminal.line("(reverse-i-search)`proj': showconf -name project1");
    terminal.press(ctrl('C'));
    await terminal.line('> ');
    terminal.press(ctrl('R'), 'projx', KEY.backspace, 'ect2');
    await terminal.line("(reverse-i-search)`project2': showconf -name project2");
    expect((await terminal.enter()).map((row) => row.split(/ +/)[0])).toEqual(['code']);
    terminal.press(ctrl('R'), 'nothing like it', ctrl('G'));
    await terminal.line('> ');
    terminal.press(ctrl('R'), 'compo', ctrl('E'), 'X');
    await terminal.line('> componentsX');
  });
});

describe('Tab completes', () => {
  it.each([
    ['commands', 'addv', '> addver '],
    ['commands to what they share', 'comp', '> components '],
    ['flags', 'showconf -n', '> showconf -name '],
    ['configuration names', 'showconf -name project', '> showconf -name project'],
    ['component names', 'showcomp -name cod', '> showcomp -name code '],
    ['component names after =', 'showcomp -name=cod', '> showcomp -name=code '],
    ['versions of the component named', 'delver -name code -version v', '> delver -name code -version v01 '],
    ['layers, first the component', 'addconf -name p -layer cod', '> addconf -name p -layer code:'],
    ['layers, then the version', 'addconf p code:', '> addconf p code:v01 '],
    ['positional words', 'changeconf project1 code:', '> changeconf project1 code:v01 '],
    ['nothing where there is nothing', 'zzz', '> zzz'],
  ])('%s: %s', async (_, typed, completed) => {
    const terminal = await open();
    terminal.press(typed, KEY.tab);
    await terminal.line(completed);
    if (completed.endsWith(' ')) {
      terminal.press('|');
      await terminal.line(`${completed}|`);
    }
  });

  it('twice lists the choices', async () => {
    const terminal = await open();
    terminal.press('showconf -name project', KEY.tab, KEY.tab);
    await terminal.until('both names', () => /project1\s+project2/.test(terminal.screen.rows.join('\n')));
    await terminal.line('> showconf -name project');
    terminal.press('2');
    expect((await terminal.enter()).map((row) => row.split(/ +/)[0])).toEqual(['code']);
  });

  it('names that need quotes, also when a quote is open', async () => {
    const added = await world.operator.exec('addconf -name "two words" -layer code:v01');
    expect(added.status).toBe(0);
    const quoted = await open();
    quoted.press('showconf "two w', KEY.tab);
    await quoted.line('> showconf "two words" ');
    quoted.press(ctrl('U'), 'showconf -name=two', KEY.tab, '|');
    await quoted.line('> showconf -name="two words" |');
    const terminal = await open();
    terminal.press('showconf -name two', KEY.tab);
    await terminal.line('> showconf -name "two words" ');
    expect((await terminal.enter()).map((row) => row.split(/ +/)[0])).toEqual(['code']);
  });
});
