import type { ComponentVersion, Configuration } from '@deploy-tools/shared/model.js';
import type { CommandResult } from './command.js';

/** A version in `-json` output; documented in docs/protocol.md. */
export function versionJson({ component, version, hash, size, created }: ComponentVersion): object {
  return { component, version, hash, size, created };
}

/** A configuration in `-json` output; documented in docs/protocol.md. */
export function configurationJson({ name, revision, mtime, hash, layers }: Configuration): object {
  return { name, revision, mtime, hash, layers: layers.map(versionJson) };
}

/** Names, one a line. */
export function namesResult(names: readonly string[]): CommandResult {
  return { value: names, text: names.map((name) => `${name}\n`).join('') };
}

/** A time as the Go registry prints it: RFC 3339 UTC, whole seconds. */
export function seconds(time: string): string {
  return `${time.slice(0, 19)}Z`;
}
