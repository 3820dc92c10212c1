import { join } from 'node:path';
import { AGENT_FLAGS } from '@deploy-tools/agent/programs/flags/agent-flags.js';
import { agentSettings } from '@deploy-tools/agent/programs/flags/agent-settings.js';
import { parseFlags } from '@deploy-tools/shared/cli/flags.js';
import { describeError } from '@deploy-tools/shared/errors.js';
import { describe, expect, it } from 'vitest';
import { programsInPath } from '../../../../../test/support/programs-in-path.js';
import { testScope } from '../../../../../test/support/scope.js';

const settingsOf = (...flags: readonly string[]) =>
  agentSettings(parseFlags({ flags: AGENT_FLAGS }, ['-name', 'project1', ...flags]).values);

describe('what the flags say', () => {
  it('is that of the Go agent by default', () => {
    expect(settingsOf()).toMatchObject({
      name: 'project1',
      script: join(process.cwd(), 'deploy.sh'),
      scriptTimeoutMs: 600_000,
      cleanOld: false,
      ownership: 'self',
      policy: {
        allow: { outsideLinks: false, devices: false, fifos: false, setid: false },
        maxEntries: 1_000_000,
      },
    });
  });

  it('of a script: a path is made absolute, a word is looked up, nothing is none', () => {
    expect(settingsOf('-script', 'bin/go').script).toBe(join(process.cwd(), 'bin/go'));
    expect(settingsOf('-script', '/opt/go').script).toBe('/opt/go');
    expect(settingsOf('-script', 'go').script).toBe('go');
    expect(settingsOf('-script', '').script).toBeUndefined();
  });

  it('of no script: ./deploy.sh, but none where a program is supervised', () => {
    const { values } = parseFlags({ flags: AGENT_FLAGS }, ['-name', 'project1']);
    expect(agentSettings(values, ['bin/server']).script).toBeUndefined();
    expect(agentSettings({ ...values, script: './go' }, ['bin/server']).script).toMatch(/\/go$/);
  });

  it('of what is allowed: words with commas or several flags', () => {
    const { allow } = settingsOf('-allow', 'setid,fifos', '-allow', 'outside-links').policy;
    expect(allow).toEqual({ outsideLinks: true, devices: false, fifos: true, setid: true });
  });

  it.each<[string, readonly string[], readonly [string, ...string[]] | undefined, boolean]>([
    ['the flags of the Go agent alone', [], undefined, false],
    ['a check', ['-health-tcp', 'localhost:1'], undefined, true],
    ['a hook', ['-hook-post', 'x'], undefined, true],
    ['a program', [], ['bin/server'], true],
    ['-rollback=true', ['-rollback=true'], undefined, true],
    ['a check and -rollback=false', ['-health-tcp', 'localhost:1', '-rollback=false'], undefined, false],
    ['a program and -rollback=false', ['-rollback=false'], ['bin/server'], false],
  ])('of rolling back: %s', (_, flags, command, rollback) => {
    const { values } = parseFlags({ flags: AGENT_FLAGS }, ['-name', 'project1', ...flags]);
    expect(agentSettings(values, command).rollback).toBe(rollback);
  });

  it('of a program: not with -once, and its ports are for one that is given them', () => {
    const settings = (flags: readonly string[], command?: readonly [string]) =>
      agentSettings(parseFlags({ flags: AGENT_FLAGS }, ['-name', 'project1', ...flags]).values, command);
    expect(() => settings(['-once'], ['bin/server'])).toThrow('kept running cannot be had with -once');
    expect(() => settings(['-port', '80'])).toThrow('-port is for a program that the agent runs');
    const restart = ['-port', '80', '-handoff', 'restart'];
    expect(() => settings(restart, ['bin/server'])).toThrow('-port and -handoff restart exclude each other');
  });

  it.each([
    ['-name', '', 'name should be set'],
    ['-name', 'a/b', 'cannot contain /'],
    ['-state', '', 'state should be set'],
    ['-poll', '0s', 'poll should be more than 0'],
    ['-poll', '-5s', 'poll should be more than 0'],
    ['-poll', '1000h', 'at most 480h'],
    ['-script-timeout', '0', 'script-timeout should be more than 0'],
    ['-script-timeout', '999h', 'at most 480h'],
    ['-allow', 'everything', 'invalid value "everything" for flag -allow'],
    ['-max-entries', '0', 'max-entries'],
    ['-max-ratio', '-1', 'max-ratio'],
    ['-max-size', '0', 'max-size'],
  ])('is refused for %s %s', (flag, value, message) => {
    expect(() => settingsOf(flag, value)).toThrow(expect.objectContaining({ kind: 'usage' }));
    expect(() => settingsOf(flag, value)).toThrow(message);
  });

  it('of a destination', () => {
    programsInPath(testScope(), { rsync: '' });
    expect(settingsOf()).toMatchObject({ destination: undefined, rollback: false });
    const { destination, rollback } = settingsOf(
      '-dest',
      '/d',
      '-exclude',
      'a',
      '-exclude',
      'b',
      '-dir',
      '/agent',
    );
    const said = {
      to: '/d',
      strategy: 'rsync',
      excludes: ['a', 'b'],
      excludeFrom: undefined,
      destMode: 0o755,
    };
    expect(destination).toEqual(said);
    expect(rollback).toBe(true);
  });

  it.each([
    [['-sync', 'cp'], 'use rsync, mv, release'],
    [['-dest-mode', '0855'], 'write it in octal'],
    [['-exclude', 'x'], 'need a destination'],
    [['-dest', '/d', '-dir', '/a', '-exclude-from', 'a/../../b'], 'is outside of the release'],
    [['-dest', '/d', '-dir', '/d/a'], 'are one in the other'],
    [['-dest', '/d', '-dir', '/a'], 'install rsync, or use the strategy mv or release'],
    [['-dest', '/d', '-dir', '/a', '-sync', 'mv', '-exclude', 'x'], 'or leave the excludes out'],
  ])('refuses %j, where there is no rsync(1)', (flags, words) => {
    programsInPath(testScope(), {});
    expect(() => settingsOf(...flags)).toThrow(expect.objectContaining({ kind: 'usage' }));
    try {
      settingsOf(...flags);
    } catch (error) {
      expect(describeError(error)).toContain(words);
    }
  });
});
