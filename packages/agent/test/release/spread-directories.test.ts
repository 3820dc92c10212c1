import { execFileSync } from 'node:child_process';
import { mkdirSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freshDirectory, removeReleases } from '@deploy-tools/agent/release/release-directory.js';
import { EXT4, spreadDirectories } from '@deploy-tools/agent/release/spread-directories.js';
import { describe, expect, it } from 'vitest';
import { testScope } from '../../../../test/support/scope.js';
import { tempDir } from '../../../../test/support/temp-dir.js';
import { releaseStore } from '../agent-context.js';

const isExt4 = statfsSync(tmpdir()).type === EXT4;
const SHARED_MEMORY = '/dev/shm';

const attributes = (dir: string) => execFileSync('lsattr', ['-d', dir], { encoding: 'utf8' }).split(' ')[0];

describe.skipIf(!isExt4)('on ext4 (skipped where temporary files are elsewhere)', () => {
  it('releases are spread over the disk from the first one on', async () => {
    const unpacked = join(tempDir(testScope()), 'unpacked');
    await freshDirectory(unpacked);
    expect(attributes(unpacked)).toContain('T');
  });

  it('and where they were not, from the first removal on', async () => {
    const store = await releaseStore(tempDir(testScope()));
    const { unpacked } = store.paths;
    mkdirSync(unpacked);
    await removeReleases(store, []);
    expect(attributes(unpacked)).not.toContain('T');
    await removeReleases(store, ['0'.repeat(64)]);
    expect(attributes(unpacked)).toContain('T');
  });
});

describe('where it cannot be', () => {
  it('nothing happens', async () => {
    await spreadDirectories(SHARED_MEMORY);
    await spreadDirectories(join(tempDir(testScope()), 'nothing'));
  });
});
