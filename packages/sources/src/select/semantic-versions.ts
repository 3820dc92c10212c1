import { DeployError } from '@deploy-tools/shared/errors.js';
import semver from 'semver';
import { MAX_TAG_LENGTH, type VersionScheme } from './tag-version.js';

/**
 * Tags of Semantic Versioning 2.0.0 with all three numbers, with or without a leading `v`.
 * @param constraint a range in npm's syntax.
 * @throws DeployError invalid, when the constraint cannot be read.
 */
export function semanticVersions(constraint: string | undefined, preRelease: boolean): VersionScheme {
  if (constraint !== undefined && semver.validRange(constraint) === null) {
    throw new DeployError('invalid', `"${constraint}" is not a range of versions`, {
      hint: 'write it as ^1.2, ~1.2.3, >=1.2 <2 or 1.x',
    });
  }
  return {
    title: 'a semantic version',
    read: (tag) => {
      if (tag.length > MAX_TAG_LENGTH || /\s/.test(tag)) return undefined;
      const version = semver.parse(tag);
      if (version === null) return undefined;
      return {
        numbers: [version.major, version.minor, version.patch],
        prerelease: version.prerelease,
        build: version.build.join('.'),
      };
    },
    allows: (tag) =>
      constraint === undefined || semver.satisfies(tag, constraint, { includePrerelease: preRelease }),
  };
}
