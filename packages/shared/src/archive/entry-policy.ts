import { DeployError } from '../errors.js';
import { type ByteName, showName } from './byte-name.js';
import { memberPath, PathGuard } from './path-guard.js';
import type { TarEntry } from './tar-entry.js';
import { RATIO_FREE_BYTES, type UnpackPolicy } from './unpack-policy.js';

/** The hint of errors about an exceeded bound of the policy. */
export const RAISE_THE_LIMIT = 'raise the limit if this is meant to be';

/** An entry that the policy has admitted, with a safe path. */
export interface SafeEntry extends Omit<TarEntry, 'name' | 'linkName'> {
  /** Relative to the root, in normal form; empty for the root itself, which is a directory. */
  readonly path: ByteName;
  /** A symlink's target as in the archive; a hard link's target as a path like `path`; else empty. */
  readonly linkTarget: ByteName;
}

/**
 * Applies an UnpackPolicy to the entries of one release. It needs every entry of every layer, in order, before the entry is
 * written. It remembers earlier entries, and never reads the file system.
 */
export class EntryPolicy {
  readonly #policy: UnpackPolicy;
  readonly #paths: PathGuard;
  #entries = 0;
  #stripped = 0;
  #nameBytes = 0;
  #bytes = 0;

  constructor(policy: UnpackPolicy) {
    this.#policy = policy;
    this.#paths = new PathGuard({
      outsideLinks: policy.allow.outsideLinks,
      count: (bytes) => this.#countName(bytes),
    });
  }

  /** The number of entries that lost setuid, setgid or sticky bits. */
  get stripped(): number {
    return this.#stripped;
  }

  /**
   * Checks an entry. The message of an error names it.
   * @throws DeployError unsafe, when the entry would reach outside; too-large, when it exceeds a bound; invalid, when
   *   its place is taken.
   */
  admit(entry: TarEntry): SafeEntry {
    try {
      this.#countEntry(entry);
      return this.#place(entry);
    } catch (error) {
      if (!(error instanceof DeployError)) throw error;
      throw new DeployError(error.kind, `entry ${showName(entry.name)} is refused: ${error.message}`, {
        ...(error.hint === undefined ? {} : { hint: error.hint }),
        cause: error,
      });
    }
  }

  /**
   * Counts decompressed bytes.
   * @param produced decompressed bytes since the last call.
   * @param layer decompressed and compressed bytes of the current archive so far.
   * @throws DeployError too-large.
   */
  countBytes(produced: number, layer: { readonly decompressed: number; readonly compressed: number }): void {
    this.#bytes += produced;
    if (this.#bytes > this.#policy.maxBytes) throw tooLarge('bytes', this.#policy.maxBytes);
    if (layer.decompressed <= RATIO_FREE_BYTES) return;
    if (layer.decompressed > layer.compressed * this.#policy.maxRatio) {
      throw tooLarge('expansion ratio', this.#policy.maxRatio);
    }
  }

  /** Counts a header, with or without an entry: each takes as long to read. @throws DeployError too-large. */
  countHeader(): void {
    const { maxEntries } = this.#policy;
    this.#entries += 1;
    if (this.#entries > maxEntries) throw tooLarge('entries', maxEntries);
  }

  #countEntry(entry: TarEntry): void {
    const { maxPathBytes, maxBytes } = this.#policy;
    this.countHeader();
    if (Math.max(entry.name.length, entry.linkName.length) > maxPathBytes) {
      throw tooLarge('path length', maxPathBytes);
    }
    // Checked before the content, so that no part of a file that is too large is written.
    if (this.#bytes + entry.size > maxBytes) throw tooLarge('bytes', maxBytes);
    // The path guard counts a symlink's target.
    this.#countName(entry.name.length + (entry.type === 'hardlink' ? entry.linkName.length : 0));
  }

  #countName(bytes: number): void {
    this.#nameBytes += bytes;
    if (this.#nameBytes > this.#policy.maxNameBytes)
      throw tooLarge('bytes of names', this.#policy.maxNameBytes);
  }

  #place(entry: TarEntry): SafeEntry {
    const path = memberPath(entry.name);
    switch (entry.type) {
      case 'directory':
        this.#paths.directory(path);
        return this.#safe(entry, path, '');
      case 'symlink':
        this.#paths.symlink(path, entry.linkName);
        return this.#safe(entry, path, entry.linkName);
      case 'hardlink': {
        const target = hardlinkTarget(entry.linkName);
        this.#paths.hardlink(path, target);
        return this.#safe(entry, path, target);
      }
      default:
        this.#refuseSpecial(entry);
        this.#paths.file(path);
        return this.#safe(entry, path, '');
    }
  }

  #refuseSpecial(entry: TarEntry): void {
    const { devices, fifos } = this.#policy.allow;
    if (entry.type === 'fifo' && !fifos) throw new DeployError('unsafe', 'FIFOs are not allowed');
    const isDevice = entry.type === 'character-device' || entry.type === 'block-device';
    if (isDevice && !devices) throw new DeployError('unsafe', 'device nodes are not allowed');
  }

  #safe(entry: TarEntry, path: ByteName, linkTarget: ByteName): SafeEntry {
    const mode = this.#policy.allow.setid ? entry.mode : entry.mode & 0o777;
    if (mode !== entry.mode && (entry.type === 'file' || entry.type === 'directory')) this.#stripped += 1;
    // Field by field: for a million entries, a spread would cost more than all the checks.
    return {
      type: entry.type,
      path,
      linkTarget,
      mode,
      uid: entry.uid,
      gid: entry.gid,
      size: entry.size,
      mtimeSeconds: entry.mtimeSeconds,
      mtimeNanoseconds: entry.mtimeNanoseconds,
      deviceMajor: entry.deviceMajor,
      deviceMinor: entry.deviceMinor,
    };
  }
}

function hardlinkTarget(linkName: ByteName): ByteName {
  try {
    return memberPath(linkName);
  } catch (error) {
    if (!(error instanceof DeployError)) throw error;
    throw new DeployError(
      'unsafe',
      `its link target ${showName(linkName)} is not a path inside the release`,
      {
        cause: error,
      },
    );
  }
}

function tooLarge(bound: string, limit: number): DeployError {
  return new DeployError('too-large', `the limit on ${bound}, ${limit}, is exceeded`, {
    hint: RAISE_THE_LIMIT,
  });
}
