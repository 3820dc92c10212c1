import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LayerTasks } from '@deploy-tools/registry/ingest/layer-tasks.js';
import { beforeEach, describe, expect, test } from 'vitest';
import { testScope } from '../../../../../test/support/scope.js';
import { tempDir } from '../../../../../test/support/temp-dir.js';
import { OPERATOR, openRegistry, type TestRegistry } from '../../support/open-registry.js';

const ARTIFACT = 'app_linux_amd64.tar.gz';

let registry: TestRegistry;
let source: string;

/** `project1` with a first version of the code, and a directory of releases that `code` follows. */
beforeEach(async () => {
  source = tempDir(testScope());
  registry = await openRegistry({ trackFiles: [source] }, (task, signal) =>
    new LayerTasks().ingest(task, signal),
  );
  release('v0.1.0');
  await ran(`addtrack code file://${source} -arch amd64 -interval 1h`);
  await ran('check code');
  await ran('addconf project1 code:v0.1.0');
  await ran('deltrack code');
  await ran(`addtrack code file://${source} -arch amd64 -interval 1h -bump project1`);
  await ran('check code');
});

/** A release whose program tells its tag. */
function release(tag: string, artifact = ARTIFACT): void {
  const tree = tempDir(testScope());
  writeFileSync(join(tree, 'app'), `this is ${tag}\n`);
  mkdirSync(join(source, tag), { recursive: true });
  execFileSync('tar', ['-czf', join(source, tag, artifact), '-C', tree, 'app']);
}

async function run(line: string) {
  return await registry.dispatcher.run({ principal: OPERATOR, via: 'exec' }, line);
}

async function ran(line: string): Promise<string> {
  const { status, stdout, stderr } = await run(line);
  if (status !== 0) throw new Error(`${line}: ${stderr}${stdout}`);
  return stdout;
}

async function layers(name = 'project1'): Promise<string[]> {
  const { layers } = JSON.parse(await ran(`showconf ${name} -json`)) as {
    layers: { component: string; version: string }[];
  };
  return layers.map(({ component, version }) => `${component}:${version}`);
}

describe('a new release', () => {
  test('of a component whose name is as long as names may be is added', async () => {
    const component = 'ж'.repeat(60);
    await ran(`addtrack ${component} file://${source} -arch amd64 -interval 1h`);
    expect(await ran(`check ${component}`)).toContain(`added ${component}:v0.1.0`);
  });

  test('is added, and the configurations are set to it, as the track and on record', async () => {
    release('v0.2.0');
    expect(await ran('check code')).toBe('code: added code:v0.2.0\ncode: bumped project1\n');
    expect(await layers()).toEqual(['code:v0.2.0']);
    expect(await ran('check code')).toBe('code: nothing new\n');
    const audit = JSON.parse(await ran('audit -who track -json')) as {
      command: string;
      comment: string;
      via: string;
    }[];
    expect(audit.map(({ command, comment, via }) => [command, comment, via]).slice(-2)).toEqual([
      ['addver', 'track code', 'track'],
      ['changeconf', 'track code', 'track'],
    ]);
    expect(await ran('history project1')).toContain('track code');
    expect(readdirSync(join(registry.dir, 'incoming'))).toEqual([]);
  });

  test('of which the newest only is taken', async () => {
    for (const tag of ['v0.9.0', 'v0.10.0', 'v0.10.0-rc1', 'nightly']) release(tag);
    await ran('check code');
    expect(await layers()).toEqual(['code:v0.10.0']);
    expect(await ran('showcomp code')).not.toContain('v0.9.0');
  });

  test('whose artifact is not there yet waits, and the newest complete one serves', async () => {
    release('v0.2.0');
    release('v0.3.0', 'app_darwin_arm64.tar.gz');
    expect(await ran('check code')).toMatch(/added code:v0\.2\.0\n(.*\n)*code: v0\.3\.0 is not complete: /);
    expect(await layers()).toEqual(['code:v0.2.0']);
    expect(await ran('tracks')).toContain('code: v0.3.0 is not complete: ');
    release('v0.3.0');
    await ran('check code');
    expect(await layers()).toEqual(['code:v0.3.0']);
    expect(await ran('tracks')).not.toContain('not complete');
  });

  test('that is no archive is refused and reported until it is repaired, and taken then', async () => {
    mkdirSync(join(source, 'v0.2.0'));
    writeFileSync(join(source, 'v0.2.0', ARTIFACT), 'not an archive');
    const failed = await run('check code');
    expect(failed.status).toBe(1);
    expect(failed.stdout).toMatch(/^code: .*archive/);
    expect(await ran('tracks')).toMatch(/code: failing since .*archive/);
    expect(await layers()).toEqual(['code:v0.1.0']);
    release('v0.2.0');
    await ran('check code');
    expect(await layers()).toEqual(['code:v0.2.0']);
    expect(await ran('tracks')).not.toContain('failing');
  });
});

describe('what an operator did', () => {
  test('by hand is not overruled by a release that was set once', async () => {
    release('v0.2.0');
    await ran('check code');
    await ran('changeconf project1 code:v0.1.0');
    await ran('check code');
    expect(await layers()).toEqual(['code:v0.1.0']);
    release('v0.3.0');
    await ran('check code');
    expect(await layers()).toEqual(['code:v0.3.0']);
  });

  test('added a version of the same name: it is taken as it is', async () => {
    release('v0.2.0');
    await ran('check code');
    const { hash } = (JSON.parse(await ran('showcomp code -json')) as { hash: string }[])[0] ?? { hash: '' };
    await ran(`addver code:v0.3.0 ${hash}`);
    release('v0.3.0');
    expect(await ran('check code')).toContain('bumped project1');
    const versions = JSON.parse(await ran('showcomp code -json')) as { version: string; hash: string }[];
    expect(versions.find(({ version }) => version === 'v0.3.0')?.hash).toBe(hash);
  });

  test('removed the layer: the configuration is left, and others are set', async () => {
    await ran('addconf project2 code:v0.1.0');
    await ran('deltrack code');
    await ran(`addtrack code file://${source} -arch amd64 -interval 1h -bump project1,project2`);
    await ran('check code');
    const hash = (JSON.parse(await ran('showcomp code -json')) as { hash: string }[])[0]?.hash ?? '';
    await ran(`addver other:v1 ${hash}`);
    await ran('replaceconf project1 other:v1');
    release('v0.2.0');
    const told = await ran('check code');
    expect(told).toContain('bumped project2');
    expect(told).toContain('configuration "project1" was not set to v0.2.0: configuration has no layer');
    expect(await layers()).toEqual(['other:v1']);
    expect(await layers('project2')).toEqual(['code:v0.2.0']);
  });
});

describe('a release that disappears', () => {
  test('changes nothing; a newer one is taken', async () => {
    release('v0.2.0');
    await ran('check code');
    rmSync(join(source, 'v0.2.0'), { recursive: true });
    expect(await ran('check code')).toContain('v0.2.0 is gone from the source');
    expect(await layers()).toEqual(['code:v0.2.0']);
    release('v0.2.1');
    await ran('check code');
    expect(await layers()).toEqual(['code:v0.2.1']);
  });

  test('a source that is gone is reported, and nothing is changed', async () => {
    rmSync(source, { recursive: true });
    expect((await run('check code')).status).toBe(1);
    expect(await layers()).toEqual(['code:v0.1.0']);
    expect(await ran('tracks')).toContain('failing since');
  });
});

describe('yank', () => {
  test('sets the configurations back at once, and the version is not taken again', async () => {
    release('v0.2.0');
    await ran('check code');
    expect(await ran('yank code:v0.2.0')).toBe('project1 has code:v0.1.0 now\n');
    expect(await layers()).toEqual(['code:v0.1.0']);
    await ran('check code');
    expect(await layers()).toEqual(['code:v0.1.0']);
    expect(await ran('showcomp code')).toContain('v0.2.0');
    await ran('yank code:v0.2.0 -undo');
    await ran('check code');
    expect(await layers()).toEqual(['code:v0.2.0']);
  });

  test('of the newest takes one that was passed over', async () => {
    release('v0.2.0');
    release('v0.3.0');
    await ran('check code');
    await ran('yank code:v0.3.0');
    await ran('check code');
    expect(await layers()).toEqual(['code:v0.2.0']);
  });

  test('sets a version that is gone at the source, and the track takes nothing older', async () => {
    release('v0.2.0');
    await ran('check code');
    release('v0.3.0');
    await ran('check code');
    rmSync(join(source, 'v0.2.0'), { recursive: true });
    expect(await ran('yank code:v0.3.0')).toBe('project1 has code:v0.2.0 now\n');
    await ran('check code');
    expect(await layers()).toEqual(['code:v0.2.0']);
  });

  test('is refused where no other version is left, or no version has that name', async () => {
    expect((await run('yank code:v0.1.0')).stderr).toContain('no other version to set');
    expect((await run('yank code:v9')).stderr).toContain('no version "v9"');
    expect((await run('yank code:v0.1.0 -undo')).stderr).toContain('was not yanked');
    expect(await layers()).toEqual(['code:v0.1.0']);
  });
});

describe('a track that is deleted during a check', () => {
  test('adds and changes nothing more, and the command that waits for the check fails', async () => {
    release('v0.2.0');
    const looking = run('check code');
    await ran('deltrack code');
    const { stdout, stderr } = await looking;
    expect(stdout + stderr).toMatch(/stopped|follows no source|deleted/);
    expect(await layers()).toEqual(['code:v0.1.0']);
  });
});

describe('addtrack', () => {
  test.each([
    [`addtrack other file://${'/etc'}`, 'does not follow directories such as /etc'],
    ['addtrack other ghr://o/r -bump nosuch', 'configuration "nosuch" not found'],
    ['addtrack other ftp://o/r', 'there are no ftp:// sources'],
    ['addtrack other "ghr://o/r?token=x"', 'the option token in the URL'],
    ['addtrack code ghr://o/r', 'follows a source already'],
    ['addtrack code', 'should both be set'],
  ])('%s is refused', async (line, why) => {
    const { status, stderr } = await run(line);
    expect(status).toBe(1);
    expect(stderr).toContain(why);
  });

  test('tracks lists what is followed, deltrack ends it, twice is an error', async () => {
    const [track] = JSON.parse(await ran('tracks -json')) as [Record<string, unknown>];
    expect(track).toMatchObject({
      component: 'code',
      bump: ['project1'],
      intervalMs: 3_600_000,
      by: 'ops@example',
      added: { tag: 'v0.1.0', layers: [{ component: 'code', version: 'v0.1.0' }] },
      bumped: 'v0.1.0',
      error: null,
    });
    await ran('deltrack code');
    expect(await ran('tracks')).toBe('no source is followed\n');
    expect((await run('deltrack code')).stderr).toContain('follows no source');
    expect((await run('check code')).stderr).toContain('follows no source');
  });
});
