import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { runRsync } from '@deploy-tools/agent/place/sync/run-rsync.js';
import type { SyncRequest } from '@deploy-tools/agent/place/sync/sync-request.js';
import { beforeEach, expect, it } from 'vitest';
import { programsInPath } from '../../../../../test/support/programs-in-path.js';
import { describeWith } from '../../../../../test/support/requires.js';
import { testScope } from '../../../../../test/support/scope.js';
import { tempDir } from '../../../../../test/support/temp-dir.js';
import { makeTree } from '../../../../../test/support/tree.js';

const never = new AbortController().signal;

let dir: string;
beforeEach(() => {
  dir = tempDir(testScope());
  mkdirSync(join(dir, 'to'));
});

function request(more: Partial<SyncRequest> = {}): SyncRequest {
  const none = { excludes: [], excludeFrom: undefined, destMode: 0o755, verbose: false, log: () => {} };
  return { from: join(dir, 'from'), to: join(dir, 'to'), strategy: 'rsync', ...none, ...more };
}

it.each([
  ['no-space', 'rsync: [receiver] write failed on "/to/a": No space left on device (28)'],
  ['no-space', 'rsync: [receiver] mkstemp "/to/.a.x" failed: Disk quota exceeded (122)'],
  ['denied', 'rsync: [generator] recv_generator: mkdir "/to/b" failed: Permission denied (13)'],
  ['denied', 'rsync: [receiver] rename "/to/.a.x" -> "a": Read-only file system (30)'],
  ['script', 'rsync error: syntax or usage error (code 1)'],
])('tells what is the host to blame for from what is not: %s', async (kind, said) => {
  programsInPath(testScope(), { rsync: `echo '${said}' >&2\nexit 11` });
  await expect(runRsync(request(), never)).rejects.toMatchObject({ kind });
});

describeWith(['rsync'], 'rsync(1)', () => {
  it('removes what is superfluous before it copies, when asked', async () => {
    makeTree(join(dir, 'from'), { 'a/new': 'n', 'z/kept': 'k' });
    makeTree(join(dir, 'to'), { 'z/superfluous': 's' });
    const lines: string[] = [];
    const asked = request({ deleteFirst: true, verbose: true, log: (line) => lines.push(line) });
    await runRsync(asked, never);
    expect(lines.filter((line) => /superfluous|new/.test(line))).toEqual(['deleting z/superfluous', 'a/new']);
  });
});
