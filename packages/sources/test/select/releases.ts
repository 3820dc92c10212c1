import { canonicalPlatform } from '@deploy-tools/sources/select/platform.js';
import type { Wants } from '@deploy-tools/sources/select/wants.js';
import type { SourceRelease } from '@deploy-tools/sources/source.js';

export const LINUX_AMD64 = { os: 'linux', arch: 'amd64' };

/** Wants of which a test says what matters to it. */
export function wants(some: Partial<Wants> = {}): Wants {
  return {
    choice: 'files',
    artifact: undefined,
    preRelease: false,
    calver: undefined,
    constraint: undefined,
    slot: undefined,
    checksum: 'when-present',
    ...some,
    platform: canonicalPlatform(some.platform ?? LINUX_AMD64),
  };
}

/** A release with artifacts of these names; one for linux/amd64 when none are given. */
export function release(tag: string, names: readonly string[] = ['app_linux_amd64.tar.gz']): SourceRelease {
  return {
    tag,
    prerelease: false,
    created: undefined,
    artifacts: names.map((name) => ({ name, id: `${tag}/${name}`, size: 1, digest: undefined })),
  };
}
