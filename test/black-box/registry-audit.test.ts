import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Archive, addVersion, makeTar, upload } from '../support/archive.js';
import { testScope } from '../support/scope.js';
import { startWorld } from '../support/world.js';

describe('audit', () => {
  it('has every command with who, from where, arguments, result and duration; refused ones too', async () => {
    const fresh = await startWorld(testScope());
    const run = (line: string) => fresh.operator.exec(line);
    const archive = makeTar(join(fresh.root, 'archive'), randomBytes(100));
    await upload(fresh.operator, archive);
    await run(`addver code:v1 ${archive.hash}`);
    await run('addconf project1 code:v1');
    await run('delver code:v1');
    await run('nosuch "x y"');
    await run("delconf 'unterminated");
    await run('delconf project1');
    await run('components');
    const records = JSON.parse((await run('audit -json')).stdout);
    expect(
      records.map((record: { command: string; result: string }) => [record.command, record.result]),
    ).toEqual([
      ['upload', 'ok'],
      ['addver', 'ok'],
      ['addconf', 'ok'],
      ['delver', 'failed'],
      ['nosuch', 'refused'],
      ['', 'refused'],
      ['delconf', 'refused'],
      ['components', 'ok'],
    ]);
    for (const record of records) {
      expect(record).toMatchObject({
        fingerprint: fresh.registry.site.operator.fingerprint,
        comment: 'operator@test',
        user: 'ops',
        address: '127.0.0.1',
        durationMs: expect.any(Number),
        time: expect.stringMatching(/^\d{4}-.*Z$/),
      });
    }
    expect(records[3]).toMatchObject({
      args: ['code:v1'],
      error: 'version is used by configuration "project1"',
    });
    expect(records[5]).toMatchObject({ args: ["delconf 'unterminated"] });

    const commands = async (flags: string) =>
      JSON.parse((await run(`audit ${flags} -json`)).stdout).map(
        ({ command }: { command: string }) => command,
      );
    expect(await commands('-name project1')).toEqual(['addconf', 'delconf']);
    expect(await commands('-name code -failed')).toEqual(['delver']);
    expect(await commands('-changes -limit 2')).toEqual(['delver', 'delconf']);
    expect(await commands('-who operator@ -command addver')).toEqual(['addver']);
    expect(await commands(`-who ${fresh.registry.site.operator.fingerprint} -limit 1`)).toHaveLength(1);
    expect(await commands('-who nobody')).toEqual([]);
    expect(await commands('-since 1h -command addconf')).toEqual(['addconf']);
    expect(await commands('-since 2999-01-01')).toEqual([]);

    const rows = (await run('audit -name project1')).stdout.split('\n');
    expect(rows[0]).toMatch(
      /^\S+Z {3}ops@127\.0\.0\.1 {3}operator@test {3}ok {8}\d+ms +addconf project1 code:v1 +$/,
    );
  });

  it('shows nothing that a terminal would obey, as JSON neither', async () => {
    const { operator } = await startWorld(testScope());
    await operator.exec('nosuch \x1b]0;owned\x07 \x9b31m \u202e');
    for (const line of ['audit -failed', 'audit -failed -json']) {
      const { stdout } = await operator.exec(line);
      for (const char of ['\x1b', '\x07', '\x9b', '\u202e']) expect(stdout.includes(char), line).toBe(false);
      expect(stdout).toContain('owned');
    }
    const records = JSON.parse((await operator.exec('audit -failed -limit 1 -json')).stdout);
    expect(records[0].args).toEqual(['\x1b]0;owned\x07', '\x9b31m', '\u202e']);
  });
});

describe('gc', () => {
  it('shows, then removes, surplus versions and what nothing names', async () => {
    const fresh = await startWorld(testScope(), ['-maxver', '2']);
    const archives: Archive[] = [];
    for (let number = 1; number <= 5; number += 1) {
      const archive = makeTar(join(fresh.root, `a${number}`), randomBytes(1000 * number));
      archives.push(archive);
      await addVersion(fresh.operator, archive, 'code', `v${number}`);
    }
    await fresh.operator.exec('addconf pinned code:v1');
    await fresh.operator.exec('delver code:v5');
    const shown = await fresh.operator.exec('gc -n');
    expect(shown.stdout).toMatch(/^version {4}code:v2 +3\.5 KB/m);
    expect(shown.stdout).toMatch(new RegExp(`^file +${archives[4]?.hash}`, 'm'));
    expect(shown.stdout).toMatch(/would free \S+ KB in 6 files\n$/);
    const versions = async () =>
      JSON.parse((await fresh.operator.exec('showcomp code -json')).stdout).map(
        ({ version }: { version: string }) => version,
      );
    expect(await versions()).toEqual(['v1', 'v2', 'v3', 'v4']);
    const planned = JSON.parse((await fresh.operator.exec('gc -n -json')).stdout);
    const done = JSON.parse((await fresh.operator.exec('gc -json')).stdout);
    expect(done).toEqual({ ...planned, removed: true });
    expect(await versions()).toEqual(['v1', 'v3', 'v4']);
    const files = await fresh.agent.sftp('ls -1 files\n');
    expect(files.stdout.match(/[0-9a-f]{64}/g)?.sort()).toEqual(
      [0, 2, 3].map((index) => archives[index]?.hash).sort(),
    );
    expect((await fresh.operator.exec('gc')).stdout).toBe('freed 0 B in 0 files\n');
  });
});
