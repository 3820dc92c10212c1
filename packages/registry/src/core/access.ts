import { DeployError } from '@deploy-tools/shared/errors.js';
import { matchesPatternList } from '@deploy-tools/shared/wildcard.js';
import type { LayerFileKind, MetaReader } from '../meta/meta-store.js';

/** Which configurations a key may read and follow. */
export interface Access {
  /** A comma list of patterns of their names, with `*`, `?` and `!`; undefined for all configurations. */
  readonly patterns: string | undefined;
  readonly mayRead: (configuration: string) => boolean;
}

/** Everything, when there are no patterns. */
export function accessTo(patterns: string | undefined): Access {
  return { patterns, mayRead: (name) => patterns === undefined || matchesPatternList(patterns, name) };
}

/** The error is the same whether the configuration exists or not. @throws DeployError denied. */
export function requireReadable({ mayRead, patterns }: Access, configuration: string): void {
  if (mayRead(configuration)) return;
  throw new DeployError('denied', `this key may not read configuration "${configuration}"`, {
    hint: `the registry's key file says config="${patterns}" of it`,
  });
}

/** Whether a readable configuration names the file of a layer, in its head or in any other revision: a rollback may need it. */
export async function isReadableFile(
  tx: MetaReader,
  { mayRead, patterns }: Access,
  { of, hash }: { readonly of: LayerFileKind; readonly hash: string },
): Promise<boolean> {
  return patterns === undefined || (await tx.configurationsWith(of, hash)).some(mayRead);
}
