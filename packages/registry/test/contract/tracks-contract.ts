import type { MetaStore } from '@deploy-tools/registry/meta/meta-store.js';
import { NO_PROGRESS, type Track, type TrackProgress } from '@deploy-tools/registry/meta/track-store.js';
import { expect } from 'vitest';
import { kindOfRejection } from '../../../shared/test/support/kind-of.js';
import type { WithStore } from './meta-store-contract.js';

function trackOf(component: string, more: Partial<Track> = {}): Track {
  return {
    component,
    source: `ghr://owner/${component}?artifact=a%20"b"`,
    bump: ['p1', 'p 2'],
    intervalMs: 30_000,
    os: 'linux',
    arch: 'amd64',
    slot: undefined,
    author: { fingerprint: 'SHA256:x', comment: 'a', user: 'b', address: '192.0.2.1' },
    created: '2026-01-02T03:04:05.678Z',
    ...more,
  };
}

const PROGRESS: TrackProgress = {
  added: {
    tag: 'v1',
    time: '2026-01-02T03:04:06.000Z',
    layers: [{ component: 'code', version: 'v1' }],
  },
  bumped: 'v1',
  error: { message: 'no "such" thing', since: '2026-01-02T03:04:07.000Z' },
  waiting: ['v2 waits'],
};

const insert = (store: MetaStore, track: Track) => store.write((tx) => tx.tracks.insertTrack(track));

/** The part of the contract of MetaStore that is about tracks and yanked versions. */
export function tracksContract(withStore: WithStore): void {
  withStore('what is not there is undefined or empty, and may be deleted', async (store) => {
    await store.write(async (tx) => {
      expect(await tx.tracks.tracks()).toEqual([]);
      expect(await tx.tracks.track('code')).toBeUndefined();
      expect(await tx.tracks.yanked('code')).toEqual([]);
      await tx.tracks.deleteTrack('code');
      await tx.tracks.putProgress('code', PROGRESS);
      expect(await tx.tracks.track('code')).toBeUndefined();
      expect(await tx.tracks.unyank('code', 'v1')).toBe(false);
    });
  });

  withStore('a track is read back as it was inserted, without progress', async (store, opened) => {
    const tracks = [trackOf('b', { slot: 'blue', bump: [] }), trackOf('a')];
    for (const track of tracks) await insert(store, track);
    const again = await opened.reopen();
    expect(await again.read((tx) => tx.tracks.tracks())).toEqual([
      { track: tracks[1], progress: NO_PROGRESS },
      { track: tracks[0], progress: NO_PROGRESS },
    ]);
  });

  withStore('a second track of a component is refused, and nothing is changed', async (store) => {
    await insert(store, trackOf('code'));
    expect(await kindOfRejection(insert(store, trackOf('code', { source: 'ghr://other/one' })))).toBe(
      'exists',
    );
    expect((await store.read((tx) => tx.tracks.track('code')))?.track).toEqual(trackOf('code'));
  });

  withStore('progress replaces progress, and goes with its track', async (store) => {
    await insert(store, trackOf('code'));
    for (const progress of [PROGRESS, { ...NO_PROGRESS, waiting: ['x'] }, PROGRESS]) {
      await store.write((tx) => tx.tracks.putProgress('code', progress));
      expect((await store.read((tx) => tx.tracks.track('code')))?.progress).toEqual(progress);
    }
    await store.write((tx) => tx.tracks.deleteTrack('code'));
    await insert(store, trackOf('code'));
    expect((await store.read((tx) => tx.tracks.track('code')))?.progress).toEqual(NO_PROGRESS);
  });

  withStore('versions are yanked for each component, once, and outlive its track', async (store) => {
    await insert(store, trackOf('code'));
    await store.write(async (tx) => {
      for (const version of ['v2', 'v1', 'v2'])
        await tx.tracks.yank('code', version, '2026-01-02T03:04:05.678Z');
      await tx.tracks.deleteTrack('code');
    });
    expect(await store.read((tx) => tx.tracks.yanked('code'))).toEqual(['v1', 'v2']);
    expect(await store.read((tx) => tx.tracks.yanked('config'))).toEqual([]);
    expect(await store.write((tx) => tx.tracks.unyank('code', 'v1'))).toBe(true);
    expect(await store.read((tx) => tx.tracks.yanked('code'))).toEqual(['v2']);
  });
}
