import type { Notice } from '@deploy-tools/notices/notice.js';
import { LowDisk } from '@deploy-tools/registry/core/notices/low-disk.js';
import { expect, it } from 'vitest';
import { openRegistry } from '../../support/open-registry.js';

const MIB = 1024 * 1024;

it('tells once that the disk is nearly full, before uploads are refused, and once that there is room again', async () => {
  const registry = await openRegistry({ minFree: 500 * MIB });
  const told: Notice[] = [];
  const logged: string[] = [];
  let free = 0;
  const lowDisk = new LowDisk({
    ...registry,
    bytes: Object.assign(Object.create(registry.bytes), { place: '/srv', freeBytes: async () => free }),
    notices: Object.assign(Object.create(registry.notices), {
      notify: (notice: Notice) => told.push(notice),
    }),
    log: Object.assign(Object.create(registry.log), { warn: (_: object, text: string) => logged.push(text) }),
  });
  for (const mib of [1001, 999, 800, 1001, 400, 1499, 1501, 1001, 999]) {
    free = mib * MIB;
    await lowDisk.check();
  }
  const about = { time: expect.any(String), place: '/srv', reserve: 500 * MIB };
  expect(told).toEqual([
    { ...about, event: 'disk-low', free: 999 * MIB },
    { ...about, event: 'disk-recovered', free: 1501 * MIB },
    { ...about, event: 'disk-low', free: 999 * MIB },
  ]);
  expect(logged).toHaveLength(2);
  expect(logged[0]).toContain('nearly full');
});
