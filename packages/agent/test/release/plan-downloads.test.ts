import { planDownloads } from '@deploy-tools/agent/release/plan-downloads.js';
import type { AgentConfig, ConfigLayer } from '@deploy-tools/shared/config-json.js';
import { configurationHash } from '@deploy-tools/shared/model.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

/** Few hashes, so that layers share archives and caches hold them. */
const hash = fc.integer({ min: 0, max: 9 }).map((digit) => String(digit).repeat(64));

const layer: fc.Arbitrary<ConfigLayer> = fc
  .record({ name: fc.string({ minLength: 1 }), hash, sized: fc.boolean() })
  .map(({ name, hash, sized }) => ({
    name,
    version: 'v1',
    file: `files/${hash}`,
    hash,
    ctime: '2026-03-01T12:00:00Z',
    ...(sized ? { size: Number(hash[0]) * 1000 } : {}),
  }));

const config: fc.Arbitrary<AgentConfig> = fc.array(layer, { minLength: 1, maxLength: 12 }).map((layers) => ({
  name: 'project',
  mtime: '2026-03-01T12:00:00Z',
  hash: configurationHash(layers.map(({ hash }) => hash)),
  layers,
}));

const cached = fc.array(hash).map((hashes) => new Set(hashes));
const partial = fc.array(fc.tuple(hash, fc.nat({ max: 20_000 }))).map((pairs) => new Map(pairs));

describe('plan', () => {
  it('downloads what is missing, each archive once, and nothing else', () => {
    fc.assert(
      fc.property(config, cached, partial, (wanted, whole, parts) => {
        const hashes = planDownloads(wanted, whole, parts).download.map(({ hash }) => hash);
        const missing = new Set(wanted.layers.map(({ hash }) => hash).filter((hash) => !whole.has(hash)));
        expect(hashes.length).toBe(missing.size);
        expect(new Set(hashes)).toEqual(missing);
      }),
    );
  });

  it('keeps the order of the layers', () => {
    fc.assert(
      fc.property(config, cached, partial, (wanted, whole, parts) => {
        const order = wanted.layers.map(({ hash }) => hash);
        const at = planDownloads(wanted, whole, parts).download.map(({ hash }) => order.indexOf(hash));
        expect(at).toEqual([...at].sort((a, b) => a - b));
      }),
    );
  });

  it('counts the bytes that are left to fetch; never less than none, parts may be damaged and long', () => {
    fc.assert(
      fc.property(config, cached, partial, (wanted, whole, parts) => {
        const { download, downloadBytes } = planDownloads(wanted, whole, parts);
        const all = planDownloads(wanted, whole, new Map()).downloadBytes;
        expect(all).toBe(download.reduce((sum, { size = 0 }) => sum + size, 0));
        expect(downloadBytes).toBeGreaterThanOrEqual(0);
        expect(downloadBytes).toBeLessThanOrEqual(all);
      }),
    );
  });

  it('has nothing to do when everything is cached', () => {
    fc.assert(
      fc.property(config, (wanted) => {
        const whole = new Set(wanted.layers.map(({ hash }) => hash));
        expect(planDownloads(wanted, whole, new Map())).toEqual({ download: [], downloadBytes: 0 });
      }),
    );
  });
});
