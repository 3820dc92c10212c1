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
import type { DeployContext } from './deploy-context.js';
import type { DeployFileArchive } from './deploy-file.js';
import { download, fetchSmall } from './download.js';
import { verifySignature } from './verify-signature.js';
import { withRetries } from './with-retries.js';

const MAX_SIGNATURE_BYTES = 64 * 1024;

/** An archive, its destination, and what happens in between. */
export interface ArchiveDeployment {
  readonly archive: DeployFileArchive;
  readonly place: DestinationPlace;
  /** Runs once the archive is there, and is the right one. */
  readonly beforeUnpacking: () => Promise<void>;
}

/**
 * Downloads the archive, unpacks it beside its destination and syncs it there; what is made for that is removed in the end.
 * The destination's lock has to be held.
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
  const { settings, open, timers, log, signal } = context;
  const { src, checksum } = archive;
  const line = (text: string): void => log.line(text);
  if (checksum?.isWeak === true && archive.signature === undefined)
    line(
      `warning: ${checksum.algorithm} finds damage only, not forgery: another archive with the same checksum can be made; use sha256`,
    );
  line(`fetching ${showUrl(src)}`);
  const to = work.at('archive');
  const { maxBytesPerSecond, retries } = settings;
  await download({ url: src, to, checksum, maxBytesPerSecond, retries }, { open, timers, log: line }, signal);
  if (checksum !== undefined) line(`its ${checksum.algorithm} checksum is right`);
  await verifyArchive(archive, { path: to, dir: work.at('.') }, context);
  return to;
}

async function verifyArchive(
  { src, signature }: DeployFileArchive,
  files: { readonly path: string; readonly dir: string },
  context: DeployContext,
): Promise<void> {
  const { settings, open, timers, log, signal } = context;
  const { allowedSigners, retries } = settings;
  if (allowedSigners === undefined && signature === undefined) return;
  if (allowedSigners === undefined || signature === undefined) {
    throw new DeployError(
      'denied',
      signature === undefined
        ? 'the manifest names no signature, but -allowed-signers asks for one'
        : 'the deploy file names a signature, but no key is given to verify it with',
      { hint: signature === undefined ? 'add signature: URL' : 'name a file with -allowed-signers' },
    );
  }
  const line = (text: string): void => log.line(text);
  const wanted = { url: signature, maxBytes: MAX_SIGNATURE_BYTES };
  const fetch = (until: AbortSignal) => fetchSmall(wanted, open, until);
  const what = `fetching ${showUrl(signature)}`;
  const bytes = await withRetries(what, fetch, { ...retries, timers, log: line, signal });
  const signed = { label: showUrl(src), ...files, signature: bytes, allowedSigners };
  line(`it is signed by ${await verifySignature(signed, signal)}`);
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
    ...{ from: tree, to: dest, destMode, excludes, excludeFrom },
    // Where nothing is yet, the tree itself is what rsync would make.
    strategy: strategy === 'rsync' && isPlain && !isThere ? 'mv' : strategy,
    verbose: settings.verbose,
    log: (line) => log.line(line),
    keep: settings.keep,
  };
  const { files, deleted, root } = await syncTree(request, signal);
  const counts = request.strategy === 'rsync' ? `: ${files} files new, ${deleted} removed` : '';
  log.line(`${dest} is in place${root === dest ? '' : `, at ${root}`}${counts}`);
}
