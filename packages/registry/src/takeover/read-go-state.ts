import { DeployError, toDeployError } from '@deploy-tools/shared/errors.js';
import type { BoltEntry } from './bolt/walk-bolt.js';
import { decodeRevision, decodeUtf8, decodeVersion, type GoRevision, type GoVersion } from './go-records.js';
import { compareGoTimes } from './go-time.js';

/** The content of the Go registry's state.db, checked entry by entry. */
export interface GoState {
  /** In order of creation. */
  readonly versions: readonly GoVersion[];
  readonly configurations: readonly GoConfiguration[];
  /** The entries that were left out and the reasons, a sentence each. */
  readonly warnings: readonly string[];
}

export interface GoConfiguration {
  readonly name: string;
  /** In order of time; agents get the last one. */
  readonly revisions: readonly GoRevision[];
}

/** The states of one configuration that were read so far. */
interface Gathered {
  current?: GoRevision;
  readonly earlier: GoRevision[];
}

/**
 * Reads the buckets `components/<name>/byVersion/<version>` and `configs/<name>/current`, `configs/<name>/<time>#<hash>`.
 * The other buckets (`byTime`, `files`) repeat their content. An earlier state that cannot be read is left out with a warning:
 * nothing is deployed from it.
 * @throws DeployError corrupt, naming the entry.
 */
export function readGoState(entries: Iterable<BoltEntry>): GoState {
  const versions: GoVersion[] = [];
  const configurations = new Map<string, Gathered>();
  const warnings: string[] = [];
  for (const { path, key, value } of entries) {
    const [bucket, name, inner] = path.map((part) => part.toString('latin1'));
    if (bucket === 'components' && inner === 'byVersion' && path.length === 3 && value !== undefined) {
      versions.push(version(path[1] ?? key, key, value));
    } else if (bucket === 'configs' && path.length === 1 && value === undefined) {
      configurations.set(key.toString('latin1'), { earlier: [] });
    } else if (bucket === 'configs' && path.length === 2 && value !== undefined) {
      const gathered = configurations.get(name ?? '');
      if (gathered !== undefined) {
        const warning = gather(gathered, path[1] ?? key, { key, value });
        if (warning !== undefined) warnings.push(warning);
      }
    }
  }
  return {
    versions: versions.sort((a, b) => compareGoTimes(a.created, b.created)),
    configurations: [...configurations].flatMap(([name, gathered]) => inOrder(name, gathered, warnings)),
    warnings,
  };
}

function version(component: Buffer, name: Buffer, value: Buffer): GoVersion {
  const what = `version ${shown(name)} of component ${shown(component)}`;
  return about(what, () => {
    const found = decodeVersion(value);
    if (found.component !== decodeUtf8(component) || found.version !== decodeUtf8(name)) {
      throw new DeployError('corrupt', 'it has the name of another entry');
    }
    return found;
  });
}

/** Reads a state. @returns a warning where an earlier state is left out. @throws DeployError corrupt: the current state is damaged. */
function gather(
  gathered: Gathered,
  name: Buffer,
  { key, value }: { readonly key: Buffer; readonly value: Buffer },
): string | undefined {
  const read = () => {
    const found = decodeRevision(value);
    if (found.name !== decodeUtf8(name)) throw new DeployError('corrupt', 'it has the name of another entry');
    return found;
  };
  if (key.toString('latin1') === 'current') {
    gathered.current = about(`configuration ${shown(name)}`, read);
    return undefined;
  }
  try {
    gathered.earlier.push(about(`the state ${shown(key)} of configuration ${shown(name)}`, read));
    return undefined;
  } catch (error) {
    return `${toDeployError(error).message}; it is left out of the history`;
  }
}

/** Sorts the states, the current one last even when a clock was set back; it is stored among the earlier ones too. */
function inOrder(rawName: string, { current, earlier }: Gathered, warnings: string[]): GoConfiguration[] {
  if (current === undefined) {
    const name = shown(Buffer.from(rawName, 'latin1'));
    warnings.push(`configuration ${name} has no current state; it is left out`);
    return [];
  }
  const { name, hash, mtime } = current;
  const others = earlier.filter((state) => state.hash !== hash || compareGoTimes(state.mtime, mtime) !== 0);
  return [{ name, revisions: [...others.sort((a, b) => compareGoTimes(a.mtime, b.mtime)), current] }];
}

function about<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const { kind, message } = toDeployError(error);
    throw new DeployError(kind, `${what} cannot be read: ${message}`, { cause: error });
  }
}

function shown(name: Buffer): string {
  return JSON.stringify(name.toString('utf8'));
}
