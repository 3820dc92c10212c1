import { DeployError } from '@deploy-tools/shared/errors.js';
import type { LayerRef } from '@deploy-tools/shared/model.js';
import {
  compareTags,
  type PickedRelease,
  selectRelease,
} from '@deploy-tools/sources/select/select-release.js';
import type { Wants } from '@deploy-tools/sources/select/wants.js';
import type { Listing, Source } from '@deploy-tools/sources/source.js';
import type { FollowedTrack, TrackProgress } from '../../meta/track-store.js';
import { type Registry, timestamp } from '../registry.js';
import { bumpConfigurations } from './bump-configurations.js';
import { type TakeTools, takeRelease } from './take-release.js';
import type { CheckReport } from './track-runner.js';

/** A source with what it told last. */
export interface WatchedSource {
  readonly source: Source;
  readonly wants: Wants;
  listing: Listing | undefined;
}

const NOTHING = { changed: false, added: [], bumped: [], waiting: [] } as const;

/**
 * Looks at a track's source once: takes the newest release that is wanted and complete when it is news, and sets the track's
 * configurations to it. What was begun before and not finished is finished. Each step is written down before the next.
 * @throws DeployError whatever the source, the archive's check or the disk says; the listing is asked for anew then.
 */
export async function checkTrack(
  registry: Registry,
  tools: TakeTools,
  watched: WatchedSource,
  { track, progress: before }: FollowedTrack,
  signal: AbortSignal,
): Promise<CheckReport> {
  const { component } = track;
  const known = watched.listing;
  watched.listing = undefined;
  const listing = await watched.source.list(known, signal);
  const changed = listing !== known;
  let progress: TrackProgress = { ...before, error: undefined };
  const keep = async (next: Partial<TrackProgress>) => {
    progress = { ...progress, ...next };
    await registry.meta.write((tx) => tx.tracks.putProgress(component, progress));
  };
  if (before.error !== undefined) await keep({});
  if (!changed && isSettled(progress)) {
    watched.listing = listing;
    return { component, ...NOTHING, waiting: progress.waiting };
  }
  const yanked = new Set(await registry.meta.read((tx) => tx.tracks.yanked(component)));
  const { picked, waiting } = pickNews(listing, watched.wants, progress, yanked);
  let added: readonly LayerRef[] = [];
  if (picked !== undefined) {
    added = await takeRelease(registry, tools, { track, ...watched, picked }, signal);
    await keep({ added: { tag: picked.release.tag, time: timestamp(registry), layers: added } });
  }
  if (signal.aborted)
    throw new DeployError('cancelled', 'looking at the source was stopped', { hint: 'try again' });
  const bumped = await finishBump(registry, { track, progress }, waiting, keep);
  if (waiting.join('\n') !== progress.waiting.join('\n')) await keep({ waiting });
  watched.listing = listing;
  return { component, changed, added, bumped, waiting };
}

/** The release to take, undefined for none; and what cannot be taken, a sentence each. */
function pickNews(
  listing: Listing,
  wants: Wants,
  progress: TrackProgress,
  yanked: ReadonlySet<string>,
): { readonly picked: PickedRelease | undefined; readonly waiting: string[] } {
  const found = selectRelease(
    listing.releases.filter(({ tag }) => !yanked.has(tag)),
    wants,
  );
  const waiting = found.waiting.map(({ tag, reason }) => `${tag} is not complete: ${reason}`);
  if (found.release === undefined) {
    waiting.push(`nothing to take: ${found.reasons.join('; ')}`);
    return { picked: undefined, waiting };
  }
  const { tag } = found.release;
  const news = isNews(tag, progress, yanked, wants);
  if (news === 'older')
    waiting.push(
      `${progress.added?.tag} is gone from the source, ${tag} is the newest there; nothing is changed, yank takes a version back`,
    );
  return { picked: news === 'news' ? found : undefined, waiting };
}

/** What was added last is set where it is to be set. */
function isSettled({ added, bumped }: TrackProgress): boolean {
  return added?.tag === bumped;
}

/** A release is taken when it is newer than the one taken last, or that one was yanked, or the two cannot be compared. */
function isNews(
  tag: string,
  { added }: TrackProgress,
  yanked: ReadonlySet<string>,
  wants: Wants,
): 'news' | 'known' | 'older' {
  if (added === undefined || yanked.has(added.tag)) return 'news';
  if (tag === added.tag) return 'known';
  const order = compareTags(tag, added.tag, wants);
  return order !== undefined && order < 0 ? 'older' : 'news';
}

async function finishBump(
  registry: Registry,
  { track, progress }: FollowedTrack,
  waiting: string[],
  keep: (next: Partial<TrackProgress>) => Promise<void>,
): Promise<readonly string[]> {
  const { added } = progress;
  if (added === undefined || isSettled(progress)) return [];
  const { bumped, refused } = await bumpConfigurations(registry, track, added);
  for (const { name, error } of refused)
    waiting.push(`configuration "${name}" was not set to ${added.tag}: ${error}`);
  await keep({ bumped: added.tag });
  return bumped;
}
