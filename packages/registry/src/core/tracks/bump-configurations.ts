import { DeployError, describeError } from '@deploy-tools/shared/errors.js';
import type { MetaReader } from '../../meta/meta-store.js';
import type { AddedRelease, Track } from '../../meta/track-store.js';
import {
  type Change,
  type ConfigurationChanged,
  type ConfigurationEdit,
  type Configurations,
  requireConfiguration,
} from '../configurations.js';
import { requireVersion } from '../versions.js';
import { type AuditPorts, actLine, auditedAct, trackAuthor } from './audited-act.js';
import { isImageLayerOf } from './image-components.js';

export interface BumpPorts extends AuditPorts {
  readonly configurations: Configurations;
}

export interface Bumped {
  readonly bumped: readonly string[];
  readonly refused: readonly { readonly name: string; readonly error: string }[];
}

/** Sets the track's configurations to a release that it added. A configuration that cannot be set does not stop the others. */
export async function bumpConfigurations(
  ports: BumpPorts,
  track: Track,
  added: AddedRelease,
): Promise<Bumped> {
  const bumped: string[] = [];
  const refused: { name: string; error: string }[] = [];
  for (const name of track.bump) {
    try {
      const { before, after } = await bump(ports, { track, added }, name);
      if (before !== after) bumped.push(name);
    } catch (error) {
      const reason = describeError(error);
      ports.log.warn(
        { component: track.component, configuration: name, err: reason },
        'a configuration was not bumped',
      );
      refused.push({ name, error: reason });
    }
  }
  return { bumped, refused };
}

/** A release that a track added. */
interface TrackRelease {
  readonly track: Track;
  readonly added: AddedRelease;
}

function bump(ports: BumpPorts, release: TrackRelease, name: string): Promise<ConfigurationChanged> {
  const { component } = release.track;
  const { layers } = release.added;
  const [only] = layers;
  const isFile = only !== undefined && only.component === component;
  const args = isFile
    ? [`-name=${name}`, `-component=${component}`, `-version=${only.version}`]
    : [`-name=${name}`, ...layers.map((layer) => `-layer=${layer.component}:${layer.version}`)];
  const command = isFile ? 'changeconf' : 'replaceconf';
  const act = { component, command, args, subjects: [name, component] };
  const change: Change = { author: trackAuthor(component), command: actLine(act) };
  return auditedAct(ports, act, () =>
    ports.configurations.commit(change, name, async (edit) => {
      await refuseStale(edit.tx, release);
      return isFile ? edit.setLayer(await requireVersion(edit.tx, only)) : setImage(edit, release, name);
    }),
  );
}

/** Replaces the layers of the previous image by those of the new one; other layers keep their places. */
async function setImage(
  edit: ConfigurationEdit,
  { track: { component }, added }: TrackRelease,
  name: string,
): Promise<ConfigurationChanged> {
  const before = await requireConfiguration(edit.tx, name);
  const image = await Promise.all(added.layers.map((layer) => requireVersion(edit.tx, layer)));
  const at = before.layers.findIndex((layer) => isImageLayerOf(component, layer.component));
  const others = before.layers.filter((layer) => !isImageLayerOf(component, layer.component));
  const after = others.toSpliced(at < 0 ? 0 : at, 0, ...image);
  const same =
    after.length === before.layers.length && after.every(({ hash }, i) => hash === before.layers[i]?.hash);
  return { before, after: same ? before : await edit.append(after) };
}

/** Checked in the transaction of the change, so that a yank or the end of the track comes either before or after it. */
async function refuseStale(
  tx: MetaReader,
  { track: { component, created }, added }: TrackRelease,
): Promise<void> {
  if ((await tx.tracks.track(component))?.track.created !== created)
    throw new DeployError('cancelled', 'the track was deleted meanwhile');
  if ((await tx.tracks.yanked(component)).includes(added.tag))
    throw new DeployError('invalid', `${added.tag} was yanked meanwhile`);
}
