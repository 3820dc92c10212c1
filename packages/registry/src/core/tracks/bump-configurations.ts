import { DeployError, describeError } from '@deploy-tools/shared/errors.js';
import type { LayerRef } from '@deploy-tools/shared/model.js';
import type { MetaReader, MetaWriter } from '../../meta/meta-store.js';
import type { AddedRelease, Track } from '../../meta/track-store.js';
import {
  appendLayers,
  type Change,
  type ConfigurationChanged,
  commitChange,
  replaceLayer,
  requireConfiguration,
} from '../configurations.js';
import type { Registry } from '../registry.js';
import { requireVersion } from '../versions.js';
import { isImageLayerOf } from './image-components.js';
import { actLine, auditedAct, trackAuthor } from './track-author.js';

export interface Bumped {
  readonly bumped: readonly string[];
  readonly refused: readonly { readonly name: string; readonly error: string }[];
}

/** Sets the track's configurations to a release that it added; one that cannot be set does not hold the others up. */
export async function bumpConfigurations(
  registry: Registry,
  track: Track,
  added: AddedRelease,
): Promise<Bumped> {
  const { component, bump } = track;
  const bumped: string[] = [];
  const refused: { name: string; error: string }[] = [];
  for (const name of bump) {
    try {
      const { before, after } = await setLayers(registry, track, name, added);
      if (before !== after) bumped.push(name);
    } catch (error) {
      registry.log.warn({ component, configuration: name, err: describeError(error) }, 'not bumped');
      refused.push({ name, error: describeError(error) });
    }
  }
  return { bumped, refused };
}

async function setLayers(
  registry: Registry,
  track: Track,
  name: string,
  { tag, layers }: AddedRelease,
): Promise<ConfigurationChanged> {
  const { component } = track;
  const [only] = layers;
  const isFile = only !== undefined && only.component === component;
  const args = isFile
    ? [`-name=${name}`, `-component=${component}`, `-version=${only.version}`]
    : [`-name=${name}`, ...layers.map((layer) => `-layer=${layer.component}:${layer.version}`)];
  const command = isFile ? 'changeconf' : 'replaceconf';
  const act = { component, command, args, subjects: [name, component] };
  const change: Change = { author: trackAuthor(component), command: actLine(act) };
  return await auditedAct(registry, act, () =>
    commitChange(registry, change, name, async (tx) => {
      await refuseStale(tx, track, tag);
      return isFile
        ? replaceLayer(registry, tx, change, name, await requireVersion(tx, component, only.version))
        : changeImage(registry, tx, change, name, component, layers);
    }),
  );
}

/** The layers of an image take the place of those of the image before; others stay where they are. */
async function changeImage(
  registry: Registry,
  tx: MetaWriter,
  change: Change,
  name: string,
  component: string,
  layers: readonly LayerRef[],
): Promise<ConfigurationChanged> {
  const before = await requireConfiguration(tx, name);
  const image = await Promise.all(layers.map((layer) => requireVersion(tx, layer.component, layer.version)));
  const at = before.layers.findIndex((layer) => isImageLayerOf(component, layer.component));
  const others = before.layers.filter((layer) => !isImageLayerOf(component, layer.component));
  const after = others.toSpliced(at < 0 ? 0 : at, 0, ...image);
  const same =
    after.length === before.layers.length && after.every(({ hash }, i) => hash === before.layers[i]?.hash);
  return { before, after: same ? before : await appendLayers(registry, tx, change, name, after) };
}

/** In the transaction that changes: a yank, or the end of the track, finds the change, or the change finds it. */
async function refuseStale(tx: MetaReader, { component, created }: Track, tag: string): Promise<void> {
  if ((await tx.tracks.track(component))?.track.created !== created)
    throw new DeployError('cancelled', 'the track was deleted meanwhile');
  if ((await tx.tracks.yanked(component)).includes(tag))
    throw new DeployError('invalid', `${tag} was yanked meanwhile`);
}
