import { hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DeployError } from '@deploy-tools/shared/errors.js';
import type { LayerRef } from '@deploy-tools/shared/model.js';
import { checkVersion } from '@deploy-tools/shared/names.js';
import { fetchRelease } from '@deploy-tools/sources/layers/fetch-release.js';
import type { LayerFile } from '@deploy-tools/sources/layers/layer-file.js';
import type { PickedRelease } from '@deploy-tools/sources/select/select-release.js';
import type { Wants } from '@deploy-tools/sources/select/wants.js';
import type { Source } from '@deploy-tools/sources/source.js';
import type { Track } from '../../meta/track-store.js';
import type { Registry } from '../registry.js';
import { beginUpload } from '../uploads.js';
import { addVersion } from '../versions.js';
import { imageComponent } from './image-components.js';
import { auditedAct, trackAuthor } from './track-author.js';

export interface TakeTools {
  /** Where releases are downloaded to, on the registry's own disk; what a process before this one left there is of use. */
  readonly incoming: string;
}

export interface Taking {
  readonly track: Track;
  readonly source: Source;
  readonly wants: Wants;
  readonly picked: PickedRelease;
}

/**
 * Makes versions of a release: fetches and verifies its archives, and adds each as `addver` would. Versions that are there already
 * are taken as they are. What was fetched when it is interrupted serves the next attempt.
 * @returns the versions, of an image one for each layer.
 * @throws DeployError what the source, the archives' check or the disk says.
 */
export async function takeRelease(
  registry: Registry,
  { incoming }: TakeTools,
  { track, source, wants, picked }: Taking,
  signal: AbortSignal,
): Promise<readonly LayerRef[]> {
  const { component } = track;
  const tag = checkVersion(picked.release.tag);
  const known = source.kind === 'files' ? await knownVersion(registry, component, tag) : undefined;
  if (known !== undefined) return [known];
  // A name of ours: a component's may be longer than a file's can be.
  const dir = join(incoming, hash('sha256', component));
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const options = {
    checksum: wants.checksum,
    log: registry.log,
    maxArtifactBytes: registry.limits.maxUpload,
  };
  const fetched = await fetchRelease(source, picked, dir, signal, options);
  const layers: LayerRef[] = [];
  for (const [index, layer] of fetched.entries()) {
    const ref =
      source.kind === 'files'
        ? { component, version: tag }
        : { component: imageComponent(component, index + 1), version: layer.hash };
    layers.push(
      (await knownVersion(registry, ref.component, ref.version)) ??
        (await add(registry, track, ref, layer, signal)),
    );
  }
  await rm(dir, { recursive: true, force: true });
  return layers;
}

async function knownVersion(
  registry: Registry,
  component: string,
  version: string,
): Promise<LayerRef | undefined> {
  const found = await registry.meta.read((tx) => tx.version(component, version));
  return found === undefined ? undefined : { component, version };
}

async function add(
  registry: Registry,
  track: Track,
  { component, version }: LayerRef,
  layer: LayerFile,
  signal: AbortSignal,
): Promise<LayerRef> {
  const args = [`-name=${component}`, `-version=${version}`, `-hash=${layer.hash}`];
  const act = { component: track.component, command: 'addver', args, subjects: [component] };
  return await auditedAct(registry, act, async () => {
    await store(registry, track, layer, signal);
    const author = trackAuthor(track.component).comment;
    await addVersion(registry, { component, version, hash: layer.hash, author });
    return { component, version };
  });
}

/** The archive becomes an upload, as an operator's would. */
async function store(
  registry: Registry,
  track: Track,
  { path, hash }: LayerFile,
  signal: AbortSignal,
): Promise<void> {
  const upload = await beginUpload(registry, trackAuthor(track.component).comment);
  try {
    let position = 0;
    for await (const chunk of createReadStream(path, { signal, highWaterMark: 256 * 1024 })) {
      await upload.write(chunk as Buffer, position);
      position += (chunk as Buffer).length;
    }
    const sealed = await upload.seal(signal);
    if (sealed.hash !== hash)
      throw new DeployError('corrupt', `${path} changed while it was read`, { hint: 'it is fetched again' });
  } catch (error) {
    await upload.discard();
    throw error;
  }
}
