import { hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DeployError } from '@deploy-tools/shared/errors.js';
import type { LayerRef } from '@deploy-tools/shared/model.js';
import { checkVersion } from '@deploy-tools/shared/names.js';
import { fetchRelease } from '@deploy-tools/sources/layers/fetch-release.js';
import type { LayerFile } from '@deploy-tools/sources/layers/repack.js';
import type { PickedRelease } from '@deploy-tools/sources/select/select-release.js';
import type { Wants } from '@deploy-tools/sources/select/wants.js';
import type { Source } from '@deploy-tools/sources/source.js';
import type { MetaStore } from '../../meta/meta-store.js';
import type { RegistryLimits } from '../limits.js';
import type { OperatorUpload, Uploads } from '../uploads.js';
import type { Versions } from '../versions.js';
import { type AuditPorts, auditedAct, trackAuthor } from './audited-act.js';
import { imageComponent } from './image-components.js';

export interface IntakePorts extends AuditPorts {
  readonly meta: Pick<MetaStore, 'read'>;
  readonly versions: Versions;
  readonly uploads: Uploads;
  readonly limits: Pick<RegistryLimits, 'maxUpload'>;
  /** The directory of downloads, on the registry's own disk; a later attempt resumes those of an earlier one. */
  readonly incoming: string;
}

/** A track's source. */
export interface IntakeSource {
  /** The component that the track is for. */
  readonly component: string;
  readonly source: Source;
  readonly wants: Wants;
  readonly signal: AbortSignal;
}

/**
 * Makes versions of a release: fetches and verifies its archives, and adds each as `addver` would. Existing versions are used.
 * After an interruption the next call resumes the downloads.
 * @returns the versions, of an image one for each layer.
 * @throws DeployError the failure of the source, of the archives' check or of the disk.
 */
export async function takeRelease(
  ports: IntakePorts,
  from: IntakeSource,
  picked: PickedRelease,
): Promise<readonly LayerRef[]> {
  const { component, source, wants, signal } = from;
  const file = { component, version: checkVersion(picked.release.tag) };
  const isFile = source.kind === 'files';
  if (isFile && (await isVersion(ports, file))) return [file];
  // The directory's name is a hash: a component's name may be longer than a file's can be.
  const dir = join(ports.incoming, hash('sha256', component));
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const layers: LayerRef[] = [];
  const options = { checksum: wants.checksum, log: ports.log, maxArtifactBytes: ports.limits.maxUpload };
  const files = await fetchRelease(source, picked, dir, signal, options);
  for (const [index, layer] of files.entries()) {
    const ref = isFile ? file : { component: imageComponent(component, index + 1), version: layer.hash };
    if (!(await isVersion(ports, ref))) await addVersion(ports, from, { ref, layer });
    layers.push(ref);
  }
  await rm(dir, { recursive: true, force: true });
  return layers;
}

async function isVersion({ meta }: IntakePorts, { component, version }: LayerRef): Promise<boolean> {
  return (await meta.read((tx) => tx.version(component, version))) !== undefined;
}

/** Adds an archive as a version, by an upload like an operator's. */
async function addVersion(
  ports: IntakePorts,
  { component: track, signal }: IntakeSource,
  { ref, layer }: { readonly ref: LayerRef; readonly layer: LayerFile },
): Promise<void> {
  const args = [`-name=${ref.component}`, `-version=${ref.version}`, `-hash=${layer.hash}`];
  const act = { component: track, command: 'addver', args, subjects: [ref.component] };
  const author = trackAuthor(track).comment;
  await auditedAct(ports, act, async () => {
    await upload(await ports.uploads.begin(author), layer, signal);
    await ports.versions.add({ ...ref, hash: layer.hash, author });
  });
}

async function upload(
  to: OperatorUpload,
  { path, hash: expected }: LayerFile,
  signal: AbortSignal,
): Promise<void> {
  try {
    let position = 0;
    for await (const chunk of createReadStream(path, { signal, highWaterMark: 256 * 1024 })) {
      await to.write(chunk as Buffer, position);
      position += (chunk as Buffer).length;
    }
    const sealed = await to.seal(signal);
    if (sealed.hash !== expected)
      throw new DeployError('corrupt', `${path} changed while it was read`, { hint: 'it is fetched again' });
  } catch (error) {
    await to.discard();
    throw error;
  }
}
