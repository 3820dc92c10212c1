import { runTreeTask } from '@deploy-tools/agent/release/unpack/run-tree-task.js';
import { DEFAULT_UNPACK_POLICY } from '@deploy-tools/shared/archive/unpack-policy.js';
import { expect, it, onTestFinished } from 'vitest';
import { tarOf } from '../../../../shared/test/archive/tar-builder.js';
import { makeScratch } from './scratch-unpack.js';

it('refuses a release that would take more memory than a thread may have, and says so', async () => {
  const scratch = makeScratch();
  onTestFinished(() => scratch.remove());
  const name = (at: number): string => `${`${at}/`.padStart(60, 'd')}f`;
  const links = Array.from({ length: 40_000 }, (_, at) => ({ name: name(at), flag: '1', linkName: 'x' }));
  // Each of them makes its directory known; the last one is refused for what it is, if ever it is reached.
  const archive = scratch.archive('many.tar', tarOf([{ name: 'x' }, ...links]));
  const task = {
    kind: 'unpack',
    layers: [{ archive, label: 'one:v1' }],
    into: scratch.root,
    policy: DEFAULT_UNPACK_POLICY,
    ownership: 'self',
  } as const;
  await expect(runTreeTask(task, new AbortController().signal, 4)).rejects.toMatchObject({
    kind: 'too-large',
    message: expect.stringContaining('more than 4 MiB of memory'),
  });
});
