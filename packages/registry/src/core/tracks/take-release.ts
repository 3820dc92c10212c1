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
import type { Uploads } from '../uploads.js';
import type { Versions } from '../versions.js';
import { type AuditPorts, auditedAct, trackAuthor } from './audited-act.js';
import { imageComponent } from './image-components.js';

export interface IntakePorts extends AuditPorts {
  readonly meta: Pick<MetaStore, 'read'>;
  readonly versions: Versions;
  readonly uploads: Uploads;
  readonly limits: Pick<RegistryLimits, 'maxUpload'>;
  /** Downloads of releases, on the registry's own disk; a later attempt resumes what an earlier one left there. */
  readonly incoming: string;
}

export interface IntakeSource {
  /** The component that the track is for. */
  readonly component: string;
  readonly source: Source;
  readonly wants: Wants;
}

/** Makes versions of the releases of one track's source. */
export class ReleaseIntake {
  readonly #ports: IntakePorts;
  readonly #from: IntakeSource;
  readonly #signal: AbortSignal;

  constructor(ports: IntakePorts, from: IntakeSource, signal: AbortSignal) {
    this.#ports = ports;
    this.#from = from;
    this.#signal = signal;
  }

  /**
   * Fetches and verifies the archives of a release, and adds each as `addver` would. Versions that exist are taken as they
   * are. After an interruption the next attempt resumes the downloads.
   * @returns the versions, of an image one for each layer.
   * @throws DeployError the failure of the source, of the archives' check or of the disk.
   */
  async take(picked: PickedRelease): Promise<readonly LayerRef[]> {
    const { component, source } = this.#from;
    const tag = checkVersion(picked.release.tag);
    const known = source.kind === 'files' ? await this.#findVersion({ component, version: tag }) : undefined;
    if (known !== undefined) return [known];
    // The directory's name is a hash: a component's name may be longer than a file's can be.
    const dir = join(this.#ports.incoming, hash('sha256', component));
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const layers: LayerRef[] = [];
    for (const [index, layer] of (await this.#fetch(picked, dir)).entries()) {
      const ref =
        source.kind === 'files'
          ? { component, version: tag }
          : { component: imageComponent(component, index + 1), version: layer.hash };
      layers.push((await this.#findVersion(ref)) ?? (await this.#add(ref, layer)));
    }
    await rm(dir, { recursive: true, force: true });
    return layers;
  }

  #fetch(picked: PickedRelease, dir: string): Promise<readonly LayerFile[]> {
    const { log, limits } = this.#ports;
    const { source, wants } = this.#from;
    const options = { checksum: wants.checksum, log, maxArtifactBytes: limits.maxUpload };
    return fetchRelease(source, picked, dir, this.#signal, options);
  }

  async #findVersion({ component, version }: LayerRef): Promise<LayerRef | undefined> {
    const found = await this.#ports.meta.read((tx) => tx.version(component, version));
    return found === undefined ? undefined : { component, version };
  }

  async #add({ component, version }: LayerRef, layer: LayerFile): Promise<LayerRef> {
    const track = this.#from.component;
    const args = [`-name=${component}`, `-version=${version}`, `-hash=${layer.hash}`];
    const act = { component: track, command: 'addver', args, subjects: [component] };
    return auditedAct(this.#ports, act, async () => {
      await this.#upload(layer);
      const author = trackAuthor(track).comment;
      await this.#ports.versions.add({ component, version, hash: layer.hash, author });
      return { component, version };
    });
  }

  /** Stores an archive as an upload, as an operator's. */
  async #upload({ path, hash: expected }: LayerFile): Promise<void> {
    const signal = this.#signal;
    const upload = await this.#ports.uploads.begin(trackAuthor(this.#from.component).comment);
    try {
      let position = 0;
      for await (const chunk of createReadStream(path, { signal, highWaterMark: 256 * 1024 })) {
        await upload.write(chunk as Buffer, position);
        position += (chunk as Buffer).length;
      }
      const sealed = await upload.seal(signal);
      if (sealed.hash !== expected)
        throw new DeployError('corrupt', `${path} changed while it was read`, {
          hint: 'it is fetched again',
        });
    } catch (error) {
      await upload.discard();
      throw error;
    }
  }
}
