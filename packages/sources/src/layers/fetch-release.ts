import { createHash } from 'node:crypto';
import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DEFAULT_UNPACK_POLICY, type UnpackPolicy } from '@deploy-tools/shared/archive/unpack-policy.js';
import { isDeployError, toDeployError } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { PickedRelease } from '../select/select-release.js';
import type { Wants } from '../select/wants.js';
import type { Artifact, Source } from '../source.js';
import { artifactContent, CONTENT_HEAD_BYTES } from './artifact-content.js';
import { download, removeDownload } from './download.js';
import { IMAGE_DIR, type LayerFile, makeImage, repack } from './repack.js';
import { verifyDownload } from './verify-download.js';

export interface FetchOptions {
  readonly checksum: Wants['checksum'];
  readonly log: Logger;
  /** The limit of one artifact, in bytes; 50 GB when undefined. */
  readonly maxArtifactBytes?: number | undefined;
  /** For repacked artifacts and images; other layers are checked when they are added or unpacked. */
  readonly policy?: UnpackPolicy | undefined;
}

const DEFAULT_MAX_BYTES = 50 * 1024 ** 3;
const PART = '.part';
const LAYER = '.layer';
const REPACKED = '.repacked';

/**
 * Downloads the picked artifacts of a release, verifies them and makes layers of them: `<dir>/<hash>.layer`, for the caller to
 * move or remove. Two layers of an image may be the same file. The next call for the same artifact continues an
 * interrupted download.
 * @param dir a directory for this source and one call at a time, on the disk of the layers; files of other releases in
 *   it are removed.
 * @returns the layers, lowest first.
 * @throws DeployError as Source; corrupt, for a wrong checksum; invalid, unsafe, too-large, for content that an archive must
 *   not have (docs/unpacking.md); no-space; cancelled.
 */
export async function fetchRelease(
  source: Source,
  picked: PickedRelease,
  dir: string,
  signal: AbortSignal,
  options: FetchOptions,
): Promise<readonly LayerFile[]> {
  try {
    const layers: LayerFile[] = [];
    await removeLeftovers(dir, source, picked);
    for (const artifact of picked.artifacts) {
      const fetching = { source, picked, artifact, dir, signal, options };
      layers.push((await layerAtHand(fetching)) ?? (await fetchLayer(fetching)));
    }
    if (source.kind === 'files') return layers;
    const policy = options.policy ?? DEFAULT_UNPACK_POLICY;
    const pathOf = (hash: string) => layerPath(dir, hash);
    return await makeImage({ stored: layers, dir, policy, pathOf }, signal);
  } catch (error) {
    throw toDeployError(error);
  }
}

interface Fetching {
  readonly source: Source;
  readonly picked: PickedRelease;
  readonly artifact: Artifact;
  readonly dir: string;
  readonly signal: AbortSignal;
  readonly options: FetchOptions;
}

/** Finds a layer of an image that an earlier call had fetched before it failed at another layer. */
async function layerAtHand({
  source,
  picked,
  artifact,
  dir,
  signal,
  options,
}: Fetching): Promise<LayerFile | undefined> {
  const path = layerPath(dir, artifact.digest?.slice('sha256:'.length) ?? '');
  const stats = await stat(path).catch(() => undefined);
  if (stats === undefined) return undefined;
  try {
    const required = options.checksum === 'required';
    const target = { source, release: picked.release, artifact, path };
    const hash = await verifyDownload(target, required, signal);
    return { path, hash, size: stats.size, name: artifact.name };
  } catch (error) {
    if (!isDeployError(error, 'corrupt')) throw error;
    await rm(path, { force: true });
    return undefined;
  }
}

async function fetchLayer(fetching: Fetching): Promise<LayerFile> {
  const { source, picked, artifact, dir, signal, options } = fetching;
  const part = join(dir, partName(source, picked, artifact));
  const target = { source, release: picked.release, artifact, path: part };
  const size = await download(target, options.maxArtifactBytes ?? DEFAULT_MAX_BYTES, signal);
  try {
    const required = options.checksum === 'required';
    const hash = await verifyDownload(target, required, signal);
    const name = source.kind === 'image' ? `${artifact.name}.tar` : artifact.name;
    const content = artifactContent(name, await readHead(part));
    options.log.debug(
      { source: source.label, tag: picked.release.tag, artifact: artifact.name, size, content },
      'fetched',
    );
    if (content === 'tar' || content === 'tar.gz' || content === 'tar.zst') {
      const path = layerPath(dir, hash);
      await rename(part, path);
      await removeDownload(part);
      return { path, hash, size, name: artifact.name };
    }
    const policy = options.policy ?? DEFAULT_UNPACK_POLICY;
    const into = `${part}${REPACKED}`;
    const made = await repack({ from: part, into, content, name: artifact.name, policy }, signal);
    await removeDownload(part);
    const path = layerPath(dir, made.hash);
    await rename(into, path);
    return { ...made, path, name: artifact.name };
  } catch (error) {
    // The download stays when only the connection was lost, while checksums were fetched.
    const keep = isDeployError(error, 'connect') || isDeployError(error, 'timeout') || signal.aborted;
    if (!keep) await removeDownload(part);
    throw error;
  } finally {
    await rm(`${part}${REPACKED}`, { force: true });
  }
}

/** A name that the next call for the same artifact finds again; no text of the source is in it. */
function partName(source: Source, { release }: PickedRelease, { id }: Artifact): string {
  const key = [source.label, release.tag, id].join('\0');
  return `${createHash('sha256').update(key).digest('hex').slice(0, 32)}${PART}`;
}

function layerPath(dir: string, hash: string): string {
  return join(dir, `${hash}${LAYER}`);
}

async function removeLeftovers(dir: string, source: Source, picked: PickedRelease): Promise<void> {
  const wanted = new Set(
    picked.artifacts.flatMap((artifact) => {
      const part = partName(source, picked, artifact);
      return [part, `${part}.json`, `${artifact.digest?.slice('sha256:'.length)}${LAYER}`];
    }),
  );
  await rm(join(dir, IMAGE_DIR), { recursive: true, force: true });
  for (const name of await readdir(dir)) {
    const isOurs = /^[0-9a-f]{32}\.part(\.json|\.repacked)?$|^[0-9a-f]{64}\.layer$/.test(name);
    if (isOurs && !wanted.has(name)) await rm(join(dir, name), { force: true });
  }
}

async function readHead(path: string): Promise<Uint8Array> {
  const file = await open(path, 'r');
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(CONTENT_HEAD_BYTES), 0, CONTENT_HEAD_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
