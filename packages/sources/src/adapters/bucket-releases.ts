import { DeployError } from '@deploy-tools/shared/errors.js';
import type { Artifact, Listing, SourceRelease } from '../source.js';

/** Far beyond any bucket of releases; keeps a wrong prefix from filling memory. */
const MAX_OBJECTS = 100_000;

export interface BucketObject {
  readonly key: string;
  readonly size: number | undefined;
  /** RFC 3339; undefined when the listing does not say. */
  readonly changed: string | undefined;
}

/** The prefix of a bucket's releases as object keys have it. @param prefix without slashes at its ends; may be empty. */
export function keyPrefix(prefix: string): string {
  return prefix === '' ? '' : `${prefix}/`;
}

/** A listing whose validator is its content. @returns `known` itself where nothing differs. */
export function listingOf(releases: readonly SourceRelease[], known: Listing | undefined): Listing {
  const validator = JSON.stringify(releases);
  return known?.validator === validator ? known : { releases, validator };
}

/** Collects the pages of a listing. */
export class BucketListing {
  readonly #label: string;
  readonly #prefix: string;
  readonly #objects: BucketObject[] = [];

  /** @param prefix without slashes at its ends; empty for the bucket itself. */
  constructor(label: string, prefix: string) {
    this.#label = label;
    this.#prefix = keyPrefix(prefix);
  }

  /** @throws DeployError too-large. */
  add(objects: readonly BucketObject[]): void {
    this.#objects.push(...objects);
    if (this.#objects.length <= MAX_OBJECTS) return;
    throw new DeployError('too-large', `there are more than ${MAX_OBJECTS} objects in ${this.#label}`, {
      hint: 'name the prefix below which the versions are, and keep old ones elsewhere',
    });
  }

  /** The releases by keys `<prefix>/<version>/<artifact>`; other objects are ignored. */
  releases(known: Listing | undefined): Listing {
    const byTag = new Map<string, { artifacts: Artifact[]; created: string | undefined }>();
    for (const { key, size, changed } of this.#objects) {
      const [tag = '', name = '', ...deeper] = key.slice(this.#prefix.length).split('/');
      if (!key.startsWith(this.#prefix) || tag === '' || name === '' || deeper.length > 0) continue;
      const release = byTag.get(tag) ?? { artifacts: [], created: undefined };
      byTag.set(tag, release);
      release.artifacts.push({ name, id: key, size, digest: undefined });
      if (release.created === undefined || (changed ?? '') > release.created) release.created = changed;
    }
    const releases: SourceRelease[] = [...byTag].map(([tag, release]) => ({
      tag,
      prerelease: false,
      ...release,
    }));
    return listingOf(releases, known);
  }
}
