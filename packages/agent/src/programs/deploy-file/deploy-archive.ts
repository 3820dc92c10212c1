import { mkdirSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { DeployError, describeError } from '@deploy-tools/shared/errors.js';
import { showUrl } from '@deploy-tools/sources/objects/show-url.js';
import { checkDestination } from '../../place/sync/check-destination.js';
import type { ClosedDirectory } from '../../place/sync/closed-directory.js';
import { type DestinationPlace, freshBeside } from '../../place/sync/destination-place.js';
import type { SyncRequest } from '../../place/sync/sync-request.js';
import { syncTree } from '../../place/sync/sync-tree.js';
import { withNames } from '../../release/unpack/held-directory.js';
import { unpackLayers } from '../../release/unpack/run-tree-task.js';
import { type DeployContext, fetchContext } from './deploy-context.js';
import type { DeployFileArchive } from './deploy-file.js';
import { download } from './download.js';
import { verifySigned } from './verify-signature.js';

interface ArchiveDeployment {
  readonly archive: DeployFileArchive;
  readonly place: DestinationPlace;
  /** Called when the archive is downloaded and verified. */
  readonly beforeUnpacking: () => Promise<void>;
}

/**
 * Downloads an archive, unpacks it beside its destination and syncs it there; removes temporary files in the end. The caller
 * holds the destination's lock.
 * @throws DeployError.
 */
export async function deployArchive(
  { archive, place, beforeUnpacking }: ArchiveDeployment,
  context: DeployContext,
): Promise<void> {
  const work = await freshBeside(place);
  try {
    const file = await fetchArchive(archive, work, context);
    await beforeUnpacking();
    checkDestination(archive.dest, archive.strategy);
    const tree = await unpackArchive(archive, { file, tree: work.at('tree') }, context);
    await syncArchive(archive, tree, context);
  } catch (error) {
    throw withNames(error);
  } finally {
    await work.remove().catch((error: unknown) => {
      context.log.line(`${place.prefix}… could not be removed: ${describeError(error)}`);
    });
  }
}

async function fetchArchive(
  archive: DeployFileArchive,
  work: ClosedDirectory,
  context: DeployContext,
): Promise<string> {
  const { settings, log } = context;
  const { src, checksum } = archive;
  if (checksum?.isWeak === true && archive.signature === undefined)
    log.line(
      `warning: ${checksum.algorithm} finds damage only, not forgery: another archive with the same checksum can be made; use sha256`,
    );
  log.line(`fetching ${showUrl(src)}`);
  const to = work.at('archive');
  const { maxBytesPerSecond } = settings;
  await download({ url: src, to, checksum, maxBytesPerSecond }, fetchContext(context));
  if (checksum !== undefined) log.line(`its ${checksum.algorithm} checksum is right`);
  await verifyArchive(archive, { path: to, dir: work.at('.') }, context);
  return to;
}

async function verifyArchive(
  { src, signature }: DeployFileArchive,
  files: { readonly path: string; readonly dir: string },
  context: DeployContext,
): Promise<void> {
  const { allowedSigners } = context.settings;
  if (signature === undefined) {
    if (allowedSigners === undefined) return;
    throw new DeployError('denied', 'the manifest names no signature, but -allowed-signers asks for one', {
      hint: 'add signature: URL',
    });
  }
  if (allowedSigners === undefined)
    throw new DeployError(
      'denied',
      'the deploy file names a signature, but no key is given to verify it with',
      { hint: 'name a file with -allowed-signers' },
    );
  await verifySigned({ label: showUrl(src), allowedSigners, ...files }, signature, fetchContext(context));
}

async function unpackArchive(
  { src }: DeployFileArchive,
  { file, tree }: { readonly file: string; readonly tree: string },
  { settings, log, signal }: DeployContext,
): Promise<string> {
  mkdirSync(tree, { mode: 0o755 });
  const layers = [{ archive: file, label: basename(showUrl(src)) }];
  const { policy, ownership } = settings;
  const { entries, stripped } = await unpackLayers({ layers, into: tree, policy, ownership }, signal);
  log.line(`unpacked ${entries} entries`);
  if (stripped > 0)
    log.line(`setuid, setgid and sticky bits of ${stripped} entries were left out; -allow setid keeps them`);
  return tree;
}

async function syncArchive(
  archive: DeployFileArchive,
  tree: string,
  { settings, log, signal }: DeployContext,
): Promise<void> {
  const { dest, destMode, excludes, excludeFrom, strategy } = archive;
  const isPlain = excludes.length === 0 && excludeFrom === undefined;
  const isThere = statSync(dest, { throwIfNoEntry: false }) !== undefined;
  const request: SyncRequest = {
    from: tree,
    to: dest,
    destMode,
    excludes,
    excludeFrom,
    // Where nothing is yet, the tree itself is what rsync would make.
    strategy: strategy === 'rsync' && isPlain && !isThere ? 'mv' : strategy,
    verbose: settings.verbose,
    log: log.line,
    keep: settings.keep,
  };
  const { files, deleted, root } = await syncTree(request, signal);
  const counts = request.strategy === 'rsync' ? `: ${files} files new, ${deleted} removed` : '';
  log.line(`${dest} is in place${root === dest ? '' : `, at ${root}`}${counts}`);
}
