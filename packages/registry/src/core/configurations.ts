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
import type { MetaReader, MetaWriter } from '../meta/meta-store.js';
import { headOf } from './configuration-events.js';
import { type LayerChanges, layerChanges } from './layer-changes.js';
import { type Registry, timestamp } from './registry.js';
import { requireVersion } from './versions.js';

/** Who changes a configuration, and by which command: kept with the revision. */
export interface Change {
  readonly author: Author;
  readonly command: string;
  /** The change is for this last revision only, 0 for none; without it, for any. */
  readonly ifRevision?: number;
  /** Called before another configuration takes the place of one that exists; what it throws leaves that as it is. */
  readonly beforeReplacing?: (before: Configuration, changes: LayerChanges) => void;
}

export interface ConfigurationChanged {
  readonly before: Configuration | undefined;
  readonly after: Configuration;
}

/**
 * Makes a configuration of these layers, or replaces the one of that name.
 * @throws DeployError not-found, invalid; what `beforeReplacing` throws.
 */
export async function putConfiguration(
  registry: Registry,
  change: Change,
  name: string,
  layers: readonly LayerRef[],
): Promise<ConfigurationChanged> {
  checkConfigurationName(name);
  checkLayers(layers);
  return commitChange(registry, change, name, async (tx) => {
    const before = await tx.configuration(name);
    if ((await tx.lastRevision(name)) === 0) checkNewName('configuration name', name);
    const resolved = await resolveLayers(tx, layers);
    if (before === undefined)
      return { before, after: await appendLayers(registry, tx, change, name, resolved) };
    return await replaceLayers(registry, tx, change, before, resolved);
  });
}

/** Replaces the layers of a configuration that exists. @throws DeployError not-found, invalid. */
export async function replaceConfiguration(
  registry: Registry,
  change: Change,
  name: string,
  layers: readonly LayerRef[],
): Promise<ConfigurationChanged> {
  checkLayers(layers);
  return commitChange(registry, change, name, async (tx) => {
    const before = await requireConfiguration(tx, name);
    return await replaceLayers(registry, tx, change, before, await resolveLayers(tx, layers));
  });
}

/** Sets one layer to a version. @throws DeployError not-found, also when no layer is of that component. */
export async function changeLayer(
  registry: Registry,
  change: Change,
  name: string,
  layer: LayerRef,
): Promise<ConfigurationChanged> {
  return commitChange(registry, change, name, async (tx) => {
    const version = await requireVersion(tx, layer.component, layer.version);
    return replaceLayer(registry, tx, change, name, version);
  });
}

/** Sets one layer to its component's newest version: the one that was added last. */
export async function bumpLayer(
  registry: Registry,
  change: Change,
  name: string,
  component: string,
): Promise<ConfigurationChanged> {
  return commitChange(registry, change, name, async (tx) => {
    const newest = (await tx.versions(component)).at(-1);
    if (newest === undefined) throw new DeployError('not-found', `no component "${component}" found`);
    return replaceLayer(registry, tx, change, name, newest);
  });
}

/** Its history stays, and a later configuration of that name goes on counting. @throws DeployError not-found. */
export async function deleteConfiguration(
  registry: Registry,
  change: Change,
  name: string,
): Promise<Configuration> {
  const { before } = await commitChange(registry, change, name, async (tx) => {
    const deleted = await tx.configuration(name);
    if (deleted === undefined) throw new DeployError('not-found', `"${name}" configuration not found`);
    return { before: deleted, after: await appendLayers(registry, tx, change, name, []) };
  });
  return before;
}

/** @throws DeployError not-found. */
export async function requireConfiguration(tx: MetaReader, name: string): Promise<Configuration> {
  const configuration = await tx.configuration(name);
  if (configuration === undefined) throw new DeployError('not-found', `configuration "${name}" not found`);
  return configuration;
}

/**
 * Runs the transaction; when it made a revision, those who watch are told once it is committed.
 * @throws DeployError conflict when the change is for another revision than the last.
 */
export async function commitChange<T extends ConfigurationChanged>(
  registry: Registry,
  change: Change,
  name: string,
  work: (tx: MetaWriter) => Promise<T>,
): Promise<T> {
  const changed = await registry.meta.write(async (tx) => {
    if (change.ifRevision !== undefined) checkRevision(name, await tx.lastRevision(name), change.ifRevision);
    return work(tx);
  });
  if (changed.after !== changed.before) registry.events.publish(headOf(changed.after, change));
  return changed;
}

function checkRevision(name: string, last: number, expected: number): void {
  if (last === expected) return;
  const now = last === 0 ? 'does not exist' : `is at revision ${last}`;
  throw new DeployError('conflict', `configuration "${name}" ${now}, not at revision ${expected}`, {
    hint: 'look at what changed and repeat the change',
  });
}

/** Sets one layer, inside {@link commitChange}. @throws DeployError not-found. */
export async function replaceLayer(
  registry: Registry,
  tx: MetaWriter,
  change: Change,
  name: string,
  version: ComponentVersion,
): Promise<ConfigurationChanged> {
  const before = await requireConfiguration(tx, name);
  const at = before.layers.findIndex((layer) => layer.component === version.component);
  if (at < 0) {
    throw new DeployError('not-found', `configuration has no layer for component "${version.component}"`, {
      hint: 'replaceconf sets all layers anew',
    });
  }
  return await replaceLayers(registry, tx, change, before, before.layers.with(at, version));
}

/** Setting what is set already is not a change: no agent should be woken for it. */
async function replaceLayers(
  registry: Registry,
  tx: MetaWriter,
  change: Change,
  before: Configuration,
  layers: readonly ComponentVersion[],
): Promise<ConfigurationChanged> {
  const changes = layerChanges(before.layers, layers);
  if (changes.changes.length === 0 && !changes.reordered) return { before, after: before };
  change.beforeReplacing?.(before, changes);
  return { before, after: await appendLayers(registry, tx, change, before.name, layers) };
}

async function resolveLayers(tx: MetaReader, layers: readonly LayerRef[]): Promise<ComponentVersion[]> {
  const resolved: ComponentVersion[] = [];
  for (const layer of layers) resolved.push(await requireVersion(tx, layer.component, layer.version));
  return resolved;
}

/** Appends a revision with these layers, inside {@link commitChange}. */
export async function appendLayers(
  registry: Registry,
  tx: MetaWriter,
  change: Change,
  name: string,
  layers: readonly ComponentVersion[],
): Promise<Configuration> {
  const configuration: Configuration = {
    name,
    revision: (await tx.lastRevision(name)) + 1,
    mtime: timestamp(registry),
    hash: configurationHash(layers.map((layer) => layer.hash)),
    layers,
  };
  await tx.appendRevision({ ...configuration, author: change.author, command: change.command });
  return configuration;
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
