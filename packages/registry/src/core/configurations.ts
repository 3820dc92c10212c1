import { MAX_LAYERS } from '@deploy-tools/shared/config-json.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import {
  type ComponentVersion,
  type Configuration,
  configurationHash,
  type LayerRef,
} from '@deploy-tools/shared/model.js';
import { checkConfigurationName, checkNewName } from '@deploy-tools/shared/names.js';
import type { Author } from '../meta/author.js';
import type { MetaReader, MetaStore, MetaWriter } from '../meta/meta-store.js';
import { type Clock, timestamp } from './clock.js';
import { type ConfigurationEvents, headOf } from './configuration-events.js';
import { type LayerChanges, layerChanges } from './layer-changes.js';
import { NameEvents } from './name-events.js';
import { requireVersion } from './versions.js';

/** The author and the command of a change, which are stored with the revision, and its conditions. */
export interface Change {
  readonly author: Author;
  readonly command: string;
  /** The number that the last revision must have, 0 for no configuration; absent for any. */
  readonly ifRevision?: number;
  /** Called before the layers of an existing configuration are replaced; an error keeps them. */
  readonly beforeReplacing?: (before: Configuration, changes: LayerChanges) => void;
}

export interface ConfigurationChanged {
  readonly before: Configuration | undefined;
  readonly after: Configuration;
}

/** Changes configurations: each change appends a revision, which is announced after its commit. */
export class Configurations {
  readonly events: ConfigurationEvents = new NameEvents();
  readonly #meta: MetaStore;
  readonly #clock: Clock;

  constructor({ meta, clock }: { readonly meta: MetaStore; readonly clock: Clock }) {
    this.#meta = meta;
    this.#clock = clock;
  }

  /**
   * Makes a configuration of these layers, or replaces the configuration of that name.
   * @throws DeployError not-found, invalid; the error of `beforeReplacing`.
   */
  async put(change: Change, name: string, layers: readonly LayerRef[]): Promise<ConfigurationChanged> {
    checkConfigurationName(name);
    checkLayers(layers);
    return this.commit(change, name, async (edit) => {
      const before = await edit.tx.configuration(name);
      if ((await edit.tx.lastRevision(name)) === 0) checkNewName('configuration name', name);
      const resolved = await resolveLayers(edit.tx, layers);
      if (before === undefined) return { before, after: await edit.append(resolved) };
      return edit.replaceLayers(before, resolved);
    });
  }

  /** Replaces the layers of a configuration that exists. @throws DeployError not-found, invalid. */
  async replace(change: Change, name: string, layers: readonly LayerRef[]): Promise<ConfigurationChanged> {
    checkLayers(layers);
    return this.commit(change, name, async (edit) =>
      edit.replaceLayers(await requireConfiguration(edit.tx, name), await resolveLayers(edit.tx, layers)),
    );
  }

  /** Sets one layer to a version. @throws DeployError not-found, also when no layer is of that component. */
  changeLayer(change: Change, name: string, layer: LayerRef): Promise<ConfigurationChanged> {
    return this.commit(change, name, async (edit) => edit.setLayer(await requireVersion(edit.tx, layer)));
  }

  /** Sets one layer to its component's newest version, the last that was added. @throws DeployError not-found. */
  bumpLayer(change: Change, name: string, component: string): Promise<ConfigurationChanged> {
    return this.commit(change, name, async (edit) => {
      const newest = (await edit.tx.versions(component)).at(-1);
      if (newest === undefined) throw new DeployError('not-found', `no component "${component}" found`);
      return edit.setLayer(newest);
    });
  }

  /**
   * Deletes a configuration. Its history stays, and a later configuration of that name continues the numbering.
   * @throws DeployError not-found.
   */
  async delete(change: Change, name: string): Promise<Configuration> {
    const { before } = await this.commit(change, name, async (edit) => {
      const deleted = await edit.tx.configuration(name);
      if (deleted === undefined) throw new DeployError('not-found', `"${name}" configuration not found`);
      return { before: deleted, after: await edit.append([]) };
    });
    return before;
  }

  /**
   * Runs `work` in one transaction; a revision that it made is announced to subscribers after the commit.
   * @throws DeployError conflict when the change expects another last revision; the error of `work`.
   */
  async commit<T extends ConfigurationChanged>(
    change: Change,
    name: string,
    work: (edit: ConfigurationEdit) => Promise<T>,
  ): Promise<T> {
    const changed = await this.#meta.write(async (tx) => {
      if (change.ifRevision !== undefined)
        checkRevision(name, await tx.lastRevision(name), change.ifRevision);
      return work(new ConfigurationEdit(tx, name, { ...change, time: timestamp(this.#clock) }));
    });
    if (changed.after !== changed.before) this.events.publish(headOf(changed.after, change));
    return changed;
  }
}

/** One change of one configuration, while its transaction is open. */
export class ConfigurationEdit {
  readonly tx: MetaWriter;
  readonly #name: string;
  readonly #change: Change & { readonly time: string };

  /** @param change with the time of the revision. */
  constructor(tx: MetaWriter, name: string, change: Change & { readonly time: string }) {
    this.tx = tx;
    this.#name = name;
    this.#change = change;
  }

  /** Sets the layer of the version's component. @throws DeployError not-found: no configuration, or no such layer. */
  async setLayer(version: ComponentVersion): Promise<ConfigurationChanged> {
    const before = await requireConfiguration(this.tx, this.#name);
    const at = before.layers.findIndex((layer) => layer.component === version.component);
    if (at < 0) {
      throw new DeployError('not-found', `configuration has no layer for component "${version.component}"`, {
        hint: 'replaceconf sets all layers anew',
      });
    }
    return this.replaceLayers(before, before.layers.with(at, version));
  }

  /** Replaces all layers. Equal layers make no revision, so that no agent is woken. */
  async replaceLayers(
    before: Configuration,
    layers: readonly ComponentVersion[],
  ): Promise<ConfigurationChanged> {
    const changes = layerChanges(before.layers, layers);
    if (changes.changes.length === 0 && !changes.reordered) return { before, after: before };
    this.#change.beforeReplacing?.(before, changes);
    return { before, after: await this.append(layers) };
  }

  /** Appends a revision with these layers; none for a deletion. */
  async append(layers: readonly ComponentVersion[]): Promise<Configuration> {
    const { author, command, time } = this.#change;
    const configuration: Configuration = {
      name: this.#name,
      revision: (await this.tx.lastRevision(this.#name)) + 1,
      mtime: time,
      hash: configurationHash(layers.map((layer) => layer.hash)),
      layers,
    };
    await this.tx.appendRevision({ ...configuration, author, command });
    return configuration;
  }
}

/** @throws DeployError not-found. */
export async function requireConfiguration(tx: MetaReader, name: string): Promise<Configuration> {
  const configuration = await tx.configuration(name);
  if (configuration === undefined) throw new DeployError('not-found', `configuration "${name}" not found`);
  return configuration;
}

function checkRevision(name: string, last: number, expected: number): void {
  if (last === expected) return;
  const now = last === 0 ? 'does not exist' : `is at revision ${last}`;
  throw new DeployError('conflict', `configuration "${name}" ${now}, not at revision ${expected}`, {
    hint: 'check the change that was made meanwhile, and repeat yours',
  });
}

async function resolveLayers(tx: MetaReader, layers: readonly LayerRef[]): Promise<ComponentVersion[]> {
  const resolved: ComponentVersion[] = [];
  for (const layer of layers) resolved.push(await requireVersion(tx, layer));
  return resolved;
}

function checkLayers(layers: readonly LayerRef[]): void {
  if (layers.length === 0) throw new DeployError('invalid', 'configuration should have at least one layer');
  if (layers.length > MAX_LAYERS) {
    throw new DeployError('too-large', `a configuration has at most ${MAX_LAYERS} layers`);
  }
  const seen = new Set<string>();
  for (const { component } of layers) {
    if (seen.has(component)) throw new DeployError('invalid', `duplicate component "${component}"`);
    seen.add(component);
  }
}
