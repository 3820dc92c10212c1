import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makeKey } from '../../shared/test/client/ssh-tools.js';
import { startFakeRegistry } from './fake-registry.js';
import { runBin } from './run-bin.js';
import { runBody } from './run-body.js';

const OFFLINE = { PATH: process.env.PATH, HOME: '/nonexistent', USER: 'ops', DEPLOYCTL_ADDR: '127.0.0.1:1' };

describe('without a connection', () => {
  test.each([
    [['-h'], /^Usage: deployctl [\s\S]*subcommands:[\s\S]*addver[\s\S]*completion/],
    [['help'], /^Usage: deployctl/],
    [['-version'], /^deployctl \d+\.\d+\.\d+\n$/],
    [['help', 'changeconf'], /^Usage of changeconf:[\s\S]*or: changeconf CONFIGURATION COMPONENT:VERSION/],
    [['showcomp', '-h'], /^Usage of showcomp:[\s\S]*examples:/],
    [['addver', '--help'], /-dir string[\s\S]*-file string/],
    [['completion', 'bash'], /complete -F _deployctl deployctl/],
    [['completion', 'zsh'], /compdef _deployctl deployctl/],
    [['completion', 'fish'], /complete -c deployctl/],
  ])('%j prints to stdout and exits 0', async (args, expected) => {
    const ran = await runBody('deployctl', args, { env: OFFLINE });
    expect(ran).toMatchObject({ status: 0, stderr: '' });
    expect(ran.stdout).toMatch(expected);
  });

  test.each([
    [[], /no subcommand given/],
    [['nosuch'], /^unknown subcommand "nosuch"\nUsage: deployctl/],
    [['componets'], /^unknown subcommand "componets" \(did you mean components\?\)\nUsage: deployctl/],
    [['-nosuch', 'components'], /flag provided but not defined: -nosuch/],
    [['-timeout', 'x', 'components'], /invalid value "x" for flag -timeout/],
    [['components', '-nosuch'], /flag provided but not defined: -nosuch[\s\S]*Usage of components/],
    [['components', 'word'], /unexpected argument "word"/],
    [['delconf', '-force', '-name', 'old', 'prod'], /-name is given twice: as a flag and by the word "prod"/],
    [['addver', '-name', 'a', '-version', 'v1', '-file', 'x', 'a:v2'], /by the word "a:v2"/],
    [['addver', 'a:v1', '-file', 'x', 'y'], /-file is given twice: as a flag and by the word "y"/],
    [['changeconf', 'p1', 'config'], /invalid argument "config"[\s\S]*COMPONENT:VERSION/],
    [['addver', '-name', 'a', '-version', 'b'], /nothing to add/],
    [['addver', '-file', 'x'], /^name and version should both be set\n/],
    [['addver', '-name', '', '-version', 'v1', '-file', 'x'], /^name and version should both be set\n/],
    [['addver', '-name', 'a:b', '-version', 'v1', '-file', 'x'], /component name cannot contain : symbol/],
    [['addver', '-name', 'a', '-version', ' v1', '-file', 'x'], /version cannot begin or end with a space/],
    [['addver', 'a:v1', '-hash', 'abc'], /hash should be a hex representation/],
    [['addver', 'a:v1', '-hash', 'g'.repeat(64)], /hash should be a hex representation/],
    [['addconf', '-name', 'p', '-layer', 'code'], /invalid layer "code" \(write it as component:version\)/],
    [['addconf', 'p', 'code:v1', 'code:v2'], /duplicate component "code"/],
    [['addconf', 'p'], /configuration should have at least one layer/],
    [['addconf', 'a/b', 'code:v1'], /configuration name cannot contain \/ symbol/],
    [['replaceconf', 'p', '-layer', ':v1'], /invalid layer ":v1"/],
    [['status'], /^name should be set\n/],
    [['bumpconf', 'p'], /^name and component should both be set\n/],
    [['addver', '-name', 'a', '-version', 'b', '-file', 'x', '-dir', 'y'], /only one of -file and -dir/],
    [['addver', 'a:b', '-dir', 'y', '-mtime', 'now'], /invalid value "now" for flag -mtime/],
    [['completion', 'tcsh'], /name a shell/],
    [['help', 'nosuch'], /unknown subcommand/],
    [['-addr', 'a:b:c', 'components'], /invalid address/],
    [['-fp', 'MD5:aa', 'components'], /invalid fingerprint/],
    [['-user', 'deploy-agent', 'components'], /is for agents/],
  ])('%j is a usage error: exit 2, on stderr', async (args, expected) => {
    const ran = await runBody('deployctl', args, { env: OFFLINE });
    expect(ran).toMatchObject({ status: 2, stdout: '' });
    expect(ran.stderr).toMatch(expected);
    expect(ran.stderr).not.toMatch(/\n\s+at /);
  });
});

describe('a proxied command', () => {
  test('is told to use colours on a terminal, unless somebody does not want them', async () => {
    const { env, key, state } = await startFakeRegistry();
    const sent = async (words: readonly string[], terminal: boolean, more = {}) => {
      await runBody('deployctl', ['-key', key.path, ...words], { env: { ...env, ...more }, terminal });
      return state.commands.at(-1);
    };
    expect(await sent(['agents'], true)).toBe('agents -color=always');
    expect(await sent(['status', 'p', '-wait', '5m'], true)).toMatch(/ -color=always -progress=always$/);
    expect(await sent(['status', 'p', '-wait', '5m', '-progress', 'never'], true)).not.toContain(
      '-progress=always',
    );
    expect(await sent(['status', 'p', '-wait', '5m'], false)).not.toContain('always');
    expect(await sent(['agents'], false)).toBe('agents');
    expect(await sent(['agents'], true, { NO_COLOR: '1' })).toBe('agents');
    expect(await sent(['agents', '-color', 'never'], true)).toBe('agents -color=never');
    expect(await sent(['components'], true)).toBe('components');
  });

  test('is sent in flag form, and its output and success are ours', async () => {
    const { env, key, state } = await startFakeRegistry();
    state.versions.set('code:v1', 'h').set('config:v 1', 'h');
    const ran = await runBin('deployctl', ['-key', key.path, 'components'], { env });
    expect(ran).toEqual({ status: 0, stdout: 'code\nconfig\n', stderr: '' });
    const added = await runBin('deployctl', ['-key', key.path, 'addconf', 'p1', 'code:v1', 'config:v 1'], {
      env,
    });
    expect(added).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(state.configurations.get('p1')).toEqual(['code:v1', 'config:v 1']);
    expect(state.commands).toEqual(['components', 'addconf -name=p1 -layer=code:v1 "-layer=config:v 1"']);
  });

  test('that fails exits 1 with the message of the registry on stderr', async () => {
    const { env, key } = await startFakeRegistry();
    const ran = await runBin('deployctl', ['-key', key.path, 'delcomp', 'x'], { env });
    expect(ran).toEqual({ status: 1, stdout: '', stderr: 'delcomp fails here\n' });
  });

  test('is run as -user, else $USER', async () => {
    const { env, key, server } = await startFakeRegistry();
    await runBin('deployctl', ['-key', key.path, 'components'], { env });
    await runBin('deployctl', ['-key', key.path, '-user', 'ci', 'components'], { env });
    expect(server.users).toEqual(['ops', 'ci']);
  });
});

describe('who and where', () => {
  test('without a fingerprint the host is looked up in ~/.ssh/known_hosts', async () => {
    const { env, key, hostKey, home, server } = await startFakeRegistry();
    const unpinned = { ...env, DEPLOYCTL_FINGERPRINT: undefined };
    const unknown = await runBin('deployctl', ['-key', key.path, 'components'], { env: unpinned });
    expect(unknown).toMatchObject({ status: 4, stdout: '' });
    expect(unknown.stderr).toContain(hostKey.fingerprint);
    mkdirSync(join(home, '.ssh'));
    writeFileSync(join(home, '.ssh', 'known_hosts'), `[127.0.0.1]:${server.port} ${hostKey.publicLine}\n`);
    const known = await runBin('deployctl', ['-key', key.path, 'components'], { env: unpinned });
    expect(known).toMatchObject({ status: 0, stderr: '' });
  });

  test('a wrong fingerprint, a wrong key, no key and no registry exit 4', async () => {
    const { env, key, home, server } = await startFakeRegistry();
    const other = makeKey(home, 'other');
    const run = (...args: string[]) => runBin('deployctl', [...args, 'components'], { env });
    expect(await run('-key', key.path, '-fp', other.fingerprint)).toMatchObject({ status: 4 });
    expect(await run('-key', other.path)).toMatchObject({
      status: 4,
      stderr: expect.stringContaining(other.fingerprint),
    });
    expect(await run()).toMatchObject({
      status: 4,
      stderr: expect.stringMatching(/SSH_AUTH_SOCK is not set/),
    });
    expect(await run('-key', join(home, 'nothing'))).toMatchObject({
      status: 4,
      stderr: expect.stringMatching(/cannot read key/),
    });
    await server.close();
    expect(await run('-key', key.path)).toMatchObject({
      status: 4,
      stderr: expect.stringMatching(/connection refused/),
    });
  });

  test('the default key files are tried when there is no agent', async () => {
    const { env, home, key } = await startFakeRegistry();
    mkdirSync(join(home, '.ssh'));
    makeKey(join(home, '.ssh'), 'id_ed25519');
    writeFileSync(join(home, '.ssh', 'id_rsa'), readFileSync(key.path), { mode: 0o600 });
    expect(await runBin('deployctl', ['components'], { env })).toMatchObject({ status: 0, stderr: '' });
  });
});
