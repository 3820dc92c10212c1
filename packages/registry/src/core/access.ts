import { DeployError } from '@deploy-tools/shared/errors.js';
import { matchesPatternList } from '@deploy-tools/shared/wildcard.js';
import type { LayerFileKind, MetaReader } from '../meta/meta-store.js';

/** The configurations that a key may read and follow. */
export interface Access {
  /** Comma-separated patterns of names, with `*`, `?` and `!`; undefined for all configurations. */
  readonly patterns: string | undefined;
  readonly mayRead: (configuration: string) => boolean;
}

/** The access that patterns give; without patterns, access to all configurations. */
export function accessTo(patterns: string | undefined): Access {
  return { patterns, mayRead: (name) => patterns === undefined || matchesPatternList(patterns, name) };
}

/** @throws DeployError denied; the same whether the configuration exists or not. */
export function requireReadable({ mayRead, patterns }: Access, configuration: string): void {
  if (mayRead(configuration)) return;
  throw new DeployError('denied', `this key may not read configuration "${configuration}"`, {
    hint: `the registry's key file has config="${patterns}" for this key`,
  });
}

/** Whether any revision of a readable configuration names the file of a layer: a rollback may need old revisions. */
export async function isReadableFile(
  tx: MetaReader,
  { mayRead, patterns }: Access,
  { of, hash }: { readonly of: LayerFileKind; readonly hash: string },
): Promise<boolean> {
  return patterns === undefined || (await tx.configurationsWith(of, hash)).some(mayRead);
}
