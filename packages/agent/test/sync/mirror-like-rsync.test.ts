import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { mirrorTree } from '@deploy-tools/agent/sync/mirror-tree.js';
import { byteName } from '@deploy-tools/shared/archive/byte-name.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { describeWith } from '../../../../test/support/requires.js';
import { testScope } from '../../../../test/support/scope.js';
import { tempDir } from '../../../../test/support/temp-dir.js';
import { snapshotTree, type TreeSnapshot, withoutFreshTimes } from '../unpack/tree-snapshot.js';
import { type Planted, plant, realRsync, ruleLists, trees } from './rsync-reference.js';

type Compare = 'times' | 'content';
type Result = TreeSnapshot | 'refused';

function attempt(make: () => void, tree: string): Result {
  try {
    make();
  } catch (error) {
    if (error instanceof DeployError || (error as { status?: number }).status === 23) return 'refused';
    throw error;
  }
  return snapshotTree(tree);
}

function compared(
  dir: string,
  from: readonly Planted[],
  to: readonly Planted[],
  rules: readonly string[],
  compare: Compare,
): readonly [Result, Result] {
  const [source, ours, theirs] = [join(dir, 'from'), join(dir, 'ours'), join(dir, 'theirs')];
  for (const path of [source, ours, theirs]) rmSync(path, { recursive: true, force: true });
  plant(source, from);
  plant(ours, to);
  plant(theirs, to);
  const begun = Date.now() - 1;
  const task = {
    from: source,
    to: ours,
    rules: rules.map(byteName),
    rootMode: 0o755,
    compare,
    verbose: false,
  };
  const more = compare === 'content' ? ['--checksum'] : [];
  const a = attempt(() => mirrorTree(task, () => {}), ours);
  const b = attempt(() => realRsync(source, theirs, rules, more), theirs);
  if (a === 'refused' || b === 'refused') return [a, b];
  return [withoutFreshTimes(a, b, begun), withoutFreshTimes(b, a, begun)];
}

describeWith(['rsync'], 'our own sync makes what rsync -a --delete makes', () => {
  it.each(['times', 'content'] as const)('of any trees and rules, comparing %s', (compare) => {
    const dir = tempDir(testScope());
    fc.assert(
      fc.property(trees, trees, ruleLists, (from, to, rules) => {
        const [ours, theirs] = compared(dir, from, to, rules, compare);
        expect(ours).toEqual(theirs);
      }),
      { numRuns: 30 },
    );
  });
});
