import { DeployError, isDeployError } from '@deploy-tools/shared/errors.js';
import type { ComponentVersion } from '@deploy-tools/shared/model.js';
import {
  checkComponentName,
  checkConfigurationName,
  checkNewName,
  checkVersion,
  type NameKind,
} from '@deploy-tools/shared/names.js';
import type { Revision } from '../meta/meta-store.js';
import type { GoVersion } from './go-records.js';
import type { GoConfiguration, GoState } from './read-go-state.js';

/** The rows that a takeover inserts. */
export interface TakeoverPlan {
  /** In order of creation. */
  readonly versions: readonly ComponentVersion[];
  /** Revisions of one configuration follow each other, oldest first. */
  readonly revisions: readonly Revision[];
  readonly configurations: number;
  readonly warnings: readonly string[];
}

/** The author of imported revisions: the Go registry does not record it. */
const AUTHOR = { fingerprint: '', comment: 'taken over from state.db', user: '', address: '' };

/**
 * Decides what to take over. Pure. Agents must get the same configurations as before, and their archives must be there:
 *
 * - A current configuration needs a missing archive, or all archives are missing: refused, because hosts would fail to deploy.
 *   The directory was probably copied without `files/`.
 * - A version that no current configuration has misses its archive: a warning, the version is left out. The Go registry loses an
 *   archive when its cleaning meets an addver.
 * - A current layer is no version, or its version has other content: a warning, the layer stays, with all that an agent
 *   needs. The Go registry resolves layers before its transaction.
 * - Only earlier states name a missing archive: no warning, its size is 0. The Go registry removes such archives.
 * - This registry would not accept a name today: a warning, the name stays usable.
 * @param sizes of the stored archives in bytes, by hash.
 * @throws DeployError not-found.
 */
export function planTakeover(state: GoState, sizes: ReadonlyMap<string, number>): TakeoverPlan {
  if (state.versions.length > 0 && state.versions.every(({ hash }) => !sizes.has(hash))) {
    throw missingArchives('none of the archives that it names is in files/');
  }
  const warnings = [...state.warnings];
  const versions = state.versions.filter((version) => {
    const there = sizes.has(version.hash);
    if (!there) warnings.push(`${label(version)} has no archive in files/; it is left out`);
    return there;
  });
  for (const { name, revisions } of state.configurations) {
    const layers = revisions.at(-1)?.layers ?? [];
    warnings.push(
      ...layers.flatMap((layer) =>
        checkCurrent(`configuration ${JSON.stringify(name)}`, layer, { versions, sizes }),
      ),
    );
  }
  warnings.push(...unusualNames(state));
  return {
    versions: versions.map((version) => toVersion(version, sizes)),
    revisions: state.configurations.flatMap((configuration) => toRevisions(configuration, sizes)),
    configurations: state.configurations.length,
    warnings,
  };
}

/** The archives and versions that are imported. */
interface Taken {
  readonly versions: readonly GoVersion[];
  readonly sizes: ReadonlyMap<string, number>;
}

/** Checks a layer of a current configuration. @returns warnings. @throws DeployError not-found. */
function checkCurrent(what: string, layer: GoVersion, { versions, sizes }: Taken): string[] {
  if (!sizes.has(layer.hash)) {
    throw missingArchives(
      `${what} needs the archive ${layer.hash} of ${label(layer)}, which is not in files/`,
    );
  }
  const version = versions.find(
    (candidate) => candidate.component === layer.component && candidate.version === layer.version,
  );
  if (version?.hash === layer.hash) return [];
  const state = version === undefined ? 'is not a version' : 'is a version with other content';
  return [`${what} has ${label(layer)}, which ${state}; it is kept as it is`];
}

function unusualNames({ versions, configurations }: GoState): string[] {
  const complaints = [
    ...versions.flatMap(({ component, version }) => [
      complaint('component name', checkComponentName, component),
      complaint('version', checkVersion, version),
    ]),
    ...configurations.map(({ name }) => complaint('configuration name', checkConfigurationName, name)),
  ];
  return [...new Set(complaints.filter((text) => text !== undefined))];
}

function complaint(kind: NameKind, check: (name: string) => string, name: string): string | undefined {
  try {
    check(name);
    checkNewName(kind, name);
    return undefined;
  } catch (error) {
    if (!isDeployError(error)) throw error;
    return `the name ${JSON.stringify(name)} is taken over, but a new one like it is refused: ${error.message}`;
  }
}

function toVersion(version: GoVersion, sizes: ReadonlyMap<string, number>): ComponentVersion {
  const { component, hash, created } = version;
  return { component, version: version.version, hash, size: sizes.get(hash) ?? 0, created: created.iso };
}

function toRevisions({ name, revisions }: GoConfiguration, sizes: ReadonlyMap<string, number>): Revision[] {
  return revisions.map(({ hash, mtime, layers }, index) => ({
    name,
    revision: index + 1,
    mtime: mtime.iso,
    hash,
    layers: layers.map((layer) => toVersion(layer, sizes)),
    author: AUTHOR,
    command: '',
  }));
}

function label({ component, version }: GoVersion): string {
  return JSON.stringify(`${component}:${version}`);
}

function missingArchives(reason: string): DeployError {
  return new DeployError('not-found', reason, {
    hint: 'copy files/ of the Go registry as well, or change that configuration with the Go registry',
  });
}
