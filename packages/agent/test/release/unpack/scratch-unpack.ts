import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeTreeSync } from '@deploy-tools/agent/release/unpack/remove-tree-sync.js';
import { unpackLayers } from '@deploy-tools/agent/release/unpack/run-tree-task.js';
import type { Ownership, TreeCounts, UnpackTask } from '@deploy-tools/agent/release/unpack/tree-task.js';
import { unpackInto } from '@deploy-tools/agent/release/unpack/unpack-into.js';
import { DEFAULT_UNPACK_POLICY, type UnpackPolicy } from '@deploy-tools/shared/archive/unpack-policy.js';

export interface UnpackOptions {
  readonly policy?: Partial<UnpackPolicy>;
  readonly ownership?: Ownership;
  readonly signal?: AbortSignal;
}

/** A directory to unpack in, with everything around it to look at afterwards. */
export interface Scratch {
  readonly dir: string;
  /** Where releases are unpacked: `<dir>/work/root`, so that `../..` stays in `dir`. */
  readonly root: string;
  /** A new, empty `root`. */
  empty(): void;
  /** Writes an archive and gives its path. */
  archive(name: string, content: Uint8Array): string;
  /** Unpacks archives as layers `one:v1`, `two:v1`, … into `root`. */
  unpack(archives: readonly string[], options?: UnpackOptions): Promise<TreeCounts>;
  /** The same without a thread of its own: for tests that do it a hundred times. */
  unpackHere(archives: readonly string[], options?: UnpackOptions): Promise<void>;
  /** What GNU tar makes of the same archives in the same order, in `<dir>/reference`; throws when tar fails. */
  reference(archives: readonly string[], ...flags: string[]): string;
  remove(): void;
}

const LABELS = ['one:v1', 'two:v1', 'three:v1', 'four:v1'];

export function makeScratch(): Scratch {
  const dir = mkdtempSync(join(tmpdir(), 'unpack-'));
  const root = join(dir, 'work', 'root');
  const taskOf = (archives: readonly string[], options: UnpackOptions): UnpackTask => ({
    kind: 'unpack',
    layers: archives.map((archive, index) => ({ archive, label: LABELS[index] ?? 'more:v1' })),
    into: root,
    policy: { ...DEFAULT_UNPACK_POLICY, ...options.policy },
    ownership: options.ownership ?? 'self',
  });
  const scratch: Scratch = {
    dir,
    root,
    empty: () => {
      removeTreeSync(root);
      mkdirSync(root, { recursive: true });
    },
    archive: (name, content) => {
      const path = join(dir, name);
      writeFileSync(path, content);
      return path;
    },
    unpack: (archives, options = {}) =>
      unpackLayers(taskOf(archives, options), options.signal ?? new AbortController().signal),
    unpackHere: async (archives, options = {}) => {
      await unpackInto(taskOf(archives, options));
    },
    reference: (archives, ...flags) => {
      const into = join(dir, 'reference');
      removeTreeSync(into);
      mkdirSync(into);
      for (const archive of archives) {
        const args = ['-xpf', archive, '-C', into, '--no-same-owner', '--delay-directory-restore', ...flags];
        execFileSync('tar', args, { stdio: 'pipe' });
      }
      return into;
    },
    remove: () => removeTreeSync(dir),
  };
  scratch.empty();
  return scratch;
}
