import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { byteName } from '@deploy-tools/shared/archive/byte-name.js';
import { DeployError, errnoOf } from '@deploy-tools/shared/errors.js';
import { HeldDirectory, withNames } from '../../release/unpack/held-directory.js';
import { removeTree } from '../../release/unpack/run-tree-task.js';

/**
 * A fresh directory (0700) that no other user can enter, even one who may write to its parent: it is held from its creation on, so it
 * does not matter what has its name later. Its content, whatever owner and mode, is out of reach of others until it is renamed.
 */
export class ClosedDirectory {
  readonly #parent: HeldDirectory;
  readonly #held: HeldDirectory;
  /** Its path at the creation. */
  readonly #name: string;

  /**
   * @param prefix of the name; the rest is random.
   * @throws system errors; DeployError unsafe when another user has exchanged it already.
   */
  constructor(parent: HeldDirectory, prefix: string) {
    this.#parent = new HeldDirectory(parent.at('.'));
    this.#name = join(this.#parent.self, `${prefix}${randomBytes(6).toString('hex')}`);
    try {
      mkdirSync(this.#name, { mode: 0o700 });
      this.#held = holdFresh(this.#name);
    } catch (error) {
      const named = withNames(error);
      this.#parent.close();
      throw named;
    }
  }

  /** A path through the handle to an entry of this name. */
  at(name: string): string {
    return join(this.#held.self, name);
  }

  /** Removes its content, and the directory unless its name has another one now. @throws DeployError denied; internal. */
  async remove(): Promise<void> {
    try {
      for (const name of readdirSync(this.#held.self)) await removeTree(this.at(name));
      rmdirSync(this.#name);
    } catch (error) {
      if (!['ENOENT', 'ENOTDIR', 'ENOTEMPTY'].includes(errnoOf(error) ?? '')) throw error;
    } finally {
      this.#held.close();
      this.#parent.close();
    }
  }
}

/** Makes a closed directory; first removes those of killed processes. The lock of the destination has to be held. */
export async function freshClosed(parent: HeldDirectory, prefix: string): Promise<ClosedDirectory> {
  for (const name of readdirSync(parent.self))
    if (name.startsWith(prefix)) await removeTree(join(parent.self, name));
  return new ClosedDirectory(parent, prefix);
}

/** @throws DeployError unsafe for a directory that others may write to, or that was not made just now. */
function holdFresh(path: string): HeldDirectory {
  const held = new HeldDirectory(byteName(path));
  const { uid, mode } = held.stats;
  const isClosed = uid === process.geteuid?.() && (mode & 0o022) === 0;
  if (isClosed && readdirSync(held.self).length === 0) return held;
  held.close();
  throw new DeployError('unsafe', `somebody has exchanged the directory ${path} that was just made`, {
    hint: 'look who may write to the directory that the destination is in',
  });
}
