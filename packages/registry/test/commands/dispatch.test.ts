import { splitCommandLine } from '@deploy-tools/shared/cli/command-line.js';
import { COMMAND_SPECS } from '@deploy-tools/shared/commands/command-specs.js';
import { required } from '@deploy-tools/shared/commands/required.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  AGENT,
  addText,
  OPERATOR,
  openRegistry,
  type TestRegistry,
  upload,
} from '../support/open-registry.js';
import { withoutAudit } from '../support/without-audit.js';

function messageOf(action: () => unknown): string {
  try {
    action();
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

const run = (registry: TestRegistry, line: string) =>
  registry.dispatcher.run({ principal: OPERATOR, via: 'exec' }, line);
const auditOf = (registry: TestRegistry) => registry.meta.read((tx) => tx.audit({ limit: 100 }));

describe('a command line', () => {
  test('gives text, or JSON of the same', async () => {
    const registry = await openRegistry();
    await addText(registry, 'code', 'v 1');
    expect(await run(registry, 'components')).toEqual({ status: 0, stdout: 'code\n', stderr: '' });
    expect(JSON.parse((await run(registry, 'components -json')).stdout)).toEqual(['code']);
  });

  test.each([
    ['', 'nothing to do (help lists the commands)\n'],
    ['"unterminated', 'invalid command line string (a quote is not closed or a backslash ends the line)\n'],
    ['nosuch', 'Unknown command, supported commands are:\nhelp, addver, '],
    ['""', 'Unknown command'],
    ['__proto__', 'Unknown command'],
    ['addver -nosuchflag', 'flag provided but not defined: -nosuchflag\nUsage of addver:\n'],
    ['addver -name code -version v03', 'name, version and hash should all be set\n'],
    ['addconf -name p -layer code', 'invalid layer "code" (write it as component:version)\n'],
    ['addconf -name p', 'configuration should have at least one layer\n'],
    ['delconf -name p', 'Run command with -force flag to confirm removal\n'],
    ['delconf -name p -force', '"p" configuration not found\n'],
    ['audit -limit 0', 'limit should be between 1 and 10000\n'],
    ['audit -since yesterday', 'invalid duration "yesterday"'],
    ['audit -since 2026-99-99', 'invalid time "2026-99-99"'],
    ['showcomp a b', 'unexpected argument "b"'],
  ])('%j is refused with status 1', async (line, stderr) => {
    const reply = await run(await openRegistry(), line);
    expect(reply).toMatchObject({ status: 1, stdout: '' });
    expect(reply.stderr.startsWith(stderr)).toBe(true);
  });

  test.each([
    'delconf -force -name old prod',
    'delconf -name "" -force prod',
    'delconf -name old -force false',
    'delver -name code -version v1 code:v2',
    'delver -version v1 code:v2',
    'addconf -name old -layer code:v1 prod',
    'addconf prod -name old -layer code:v1',
    'addconf prod code:v1 -layer code:v2',
    'changeconf -name old -component code -version v1 prod',
    'delcomp -name nothing spare',
    'showcomp -name code extra',
  ])('%j, whose words contradict its flags, is refused and changes nothing', async (line) => {
    const registry = await openRegistry();
    await addText(registry, 'spare', 'v1');
    for (const version of ['v1', 'v2']) await addText(registry, 'code', version);
    for (const name of ['old', 'prod']) await run(registry, `addconf ${name} code:v2`);
    await run(registry, 'addconf prod code:v1');
    const state = async () => {
      const lines = ['configurations', 'showconf -v old', 'showconf -v prod', 'showcomp code', 'components'];
      return Promise.all(lines.map((shown) => run(registry, shown)));
    };
    const before = await state();
    const reply = await run(registry, line);
    expect(reply).toMatchObject({ status: 1, stdout: '' });
    expect(reply.stderr).toMatch(
      /^-\w+ is given twice: as a flag and by the word ".+" \(give either the flag or /,
    );
    expect(await state()).toEqual(before);
    expect((await auditOf(registry)).find(({ error }) => error !== undefined)?.result).toBe('refused');
  });

  test('without arguments is refused exactly where the table says that some are required, in the same words', async () => {
    const registry = await openRegistry();
    for (const { name, required: names } of COMMAND_SPECS) {
      const { stderr } = await run(registry, name);
      const empty = Object.fromEntries(names.map((flag) => [flag, undefined]));
      const missing = names.length === 0 ? '' : messageOf(() => required(empty));
      expect([name, stderr.split('\n')[0]]).toEqual([name, missing]);
    }
  });

  test('that is refused for a word with a secret keeps it out of the audit log', async () => {
    const registry = await openRegistry();
    await run(registry, 'notify add -receiver x https://user:hush@example.com/?token=hush');
    expect(JSON.stringify(await auditOf(registry))).not.toContain('hush');
  });

  test('-h prints the usage with status 1, as the Go registry does', async () => {
    const registry = await openRegistry();
    for (const { name } of COMMAND_SPECS) {
      const reply = await run(registry, `${name} -h`);
      expect([reply.status, reply.stdout.startsWith(`Usage of ${name}:\n`)]).toEqual([1, true]);
    }
  });

  test('agents may run none', async () => {
    const registry = await openRegistry();
    for (const { name } of COMMAND_SPECS) {
      const reply = await registry.dispatcher.run({ principal: AGENT, via: 'exec' }, name);
      expect(reply).toEqual({ status: 1, stdout: '', stderr: `agents may not run ${name}\n` });
    }
    expect((await auditOf(registry)).every(({ result }) => result === 'refused')).toBe(true);
  });

  test('of any text is answered, and what is answered is safe for a terminal', async () => {
    const registry = await openRegistry();
    const names = COMMAND_SPECS.map(({ name }) => name);
    const word = fc.oneof(
      fc.constantFrom(...names, '-name', '-json', '-layer', 'a:b', '"', '\\'),
      fc.string({ unit: 'binary' }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(word, { maxLength: 5 }), async (words) => {
        const { status, stdout, stderr } = await run(registry, words.join(' '));
        expect([0, 1]).toContain(status);
        expect(stdout + stderr).not.toMatch(/[^\P{Cc}\n\t]|\p{Cf}/u);
      }),
      { numRuns: 200 },
    );
  });

  test('of a typed command cannot write on the terminal of the audit log’s reader', async () => {
    const registry = await openRegistry();
    await run(registry, 'showcomp -name \u001b[2J\u009b31m\u202e\u{E0001}x');
    for (const line of ['audit', 'audit -json']) {
      const { stdout } = await run(registry, line);
      expect(stdout).not.toMatch(/[^\P{Cc}\n\t]|\p{Cf}/u);
    }
    const [record] = JSON.parse((await run(registry, 'audit -json')).stdout) as { args: string[] }[];
    expect(record?.args[1]).toBe('\u001b[2J\u009b31m\u202e\u{E0001}x');
  });
});

describe('the audit log', () => {
  test('has every command with its subjects and result, refused ones too; help is none', async () => {
    const registry = await openRegistry();
    const hash = await upload(registry, 'x');
    for (const line of [
      `addver -name code -version v1 -hash ${hash}`,
      'addconf project1 code:v1',
      'changeconf -name project1 -component code -version nope',
      'delcomp code',
      'showconf',
      'nosuch -x',
      'help',
      'showconf -h',
    ]) {
      await run(registry, line);
    }
    const seen = (await auditOf(registry)).map(({ command, subjects, result, changes }) => [
      command,
      [...subjects].sort(),
      result,
      changes,
    ]);
    expect(seen).toEqual([
      ['addver', ['code'], 'ok', true],
      ['addconf', ['code', 'project1'], 'ok', true],
      ['changeconf', ['code', 'project1'], 'failed', true],
      ['delcomp', ['code'], 'failed', true],
      ['showconf', [], 'refused', false],
      ['nosuch', [], 'refused', false],
    ]);
    expect((await auditOf(registry)).at(0)).toMatchObject({
      fingerprint: OPERATOR.fingerprint,
      comment: 'ops@example',
      user: 'ops',
      address: '192.0.2.1',
      via: 'exec',
      args: ['-name', 'code', '-version', 'v1', '-hash', hash],
    });
  });

  test('that cannot be written does not turn what was done into a failure', async () => {
    const registry = await openRegistry();
    const hash = await upload(registry, 'x');
    const reply = await run(withoutAudit(registry), `addver code:v1 ${hash}`);
    expect(reply).toMatchObject({ status: 0, stdout: '' });
    expect(reply.stderr).toContain('the audit log cannot be written');
    expect(await registry.meta.read((tx) => tx.components())).toEqual(['code']);
  });
});

describe('bumpconf', () => {
  test('prints the line that undoes it, and that line does', async () => {
    const registry = await openRegistry();
    for (const version of ['v "1"', 'v$2']) {
      await addText(registry, 'code', version);
      registry.pass(1000);
    }
    await run(registry, `addconf -name "my p" -layer 'code:v "1"'`);
    const { stdout } = await run(registry, 'bumpconf "my p" code');
    expect(stdout).toBe(
      'to roll back run:\n\tchangeconf -name="my p" -component="code" -version="v \\"1\\""\n',
    );
    const undo = stdout.split('\t')[1] ?? '';
    expect(splitCommandLine(undo)).toEqual(['changeconf', '-name=my p', '-component=code', '-version=v "1"']);
    expect((await run(registry, undo)).status).toBe(0);
    const head = await registry.meta.read((tx) => tx.configuration('my p'));
    expect(head).toMatchObject({ revision: 3, layers: [{ version: 'v "1"' }] });
  });

  test('prints nothing when there is nothing to undo', async () => {
    const registry = await openRegistry();
    await addText(registry, 'code', 'v1');
    await run(registry, 'addconf p code:v1');
    expect(await run(registry, 'bumpconf p code')).toEqual({ status: 0, stdout: '', stderr: '' });
  });
});
