import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { syncTree } from '@deploy-tools/agent/host/sync-filesystem.js';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { testScope } from '../../../../test/support/scope.js';
import { tempDir } from '../../../../test/support/temp-dir.js';

afterEach(() => {
  vi.unstubAllEnvs();
});

/** Puts another `sync` first in the PATH. @returns its directory. */
function otherSync(body: string): string {
  const dir = tempDir(testScope());
  writeFileSync(join(dir, 'sync'), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  vi.stubEnv('PATH', `${dir}:${process.env.PATH}`);
  return dir;
}

describe('syncTree', () => {
  it('flushes the file system of a directory', async () => {
    const dir = tempDir(testScope());
    writeFileSync(join(dir, 'file'), 'content');
    await syncTree(dir);
  });

  it('fails with what sync says', async () => {
    const failed = syncTree('/nonexistent/dir');
    await expect(failed).rejects.toThrow(
      /nonexistent\/dir cannot be flushed to the disk: sync: .*No such file/,
    );
  });

  it('does not take an error of the disk for an option that is missing', async () => {
    otherSync('if test "$1" = -f; then echo "sync: error syncing: Input/output error" >&2; exit 1; fi');
    await expect(syncTree('/tmp')).rejects.toThrow('Input/output error');
  });

  it('flushes everything where sync knows no -f', async () => {
    const dir = otherSync(
      'if test "$1" = -f; then echo "sync: unrecognized option: f" >&2; exit 1; fi; touch "$(dirname "$0")/all"',
    );
    await syncTree('/tmp');
    expect(existsSync(join(dir, 'all'))).toBe(true);
  });
});
