import type { ComponentVersion, Configuration } from '@deploy-tools/shared/model.js';

/** A version in `-json` output; documented in docs/protocol.md. */
export function versionJson({ component, version, hash, size, created }: ComponentVersion): object {
  return { component, version, hash, size, created };
}

/** A configuration in `-json` output; documented in docs/protocol.md. */
export function configurationJson({ name, revision, mtime, hash, layers }: Configuration): object {
  return { name, revision, mtime, hash, layers: layers.map(versionJson) };
}

/** A time as the Go registry prints it: RFC 3339 UTC, whole seconds. */
export function seconds(time: string): string {
  return `${time.slice(0, 19)}Z`;
}
