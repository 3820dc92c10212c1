import { DiskSpace } from '@deploy-tools/registry/core/disk-space.js';
import { describe, expect, it } from 'vitest';
import { kindOfRejection } from '../../../shared/test/support/kind-of.js';

const MIB = 1024 * 1024;

/** A disk that uploads fill. */
function diskOf(bytes: number): { place: string; used: number; freeBytes: () => Promise<number> } {
  const disk = { place: '/srv/registry', used: 0, freeBytes: async () => bytes - disk.used };
  return disk;
}

describe('the space that uploads take', () => {
  it('leaves the reserve free, however many of them write little each', async () => {
    const disk = diskOf(1000 * MIB);
    const space = new DiskSpace(disk, 500 * MIB);
    let refused = 0;
    // 1000 uploads at once, of which each writes 1 MiB after the other, and gives up when it is refused.
    for (let round = 0; round < 30 && refused < 1000; round += 1) {
      const writes = Array.from({ length: 1000 - refused }, async () => {
        disk.used += MIB / 8;
        return kindOfRejection(space.write(MIB / 8, 0));
      });
      const kinds = await Promise.all(writes);
      refused += kinds.filter((kind) => kind === 'no-space').length;
    }
    expect(refused).toBe(1000);
    // What all were writing at once, and what is written between two looks.
    expect(disk.used).toBeLessThanOrEqual((500 + 1000 / 8 + 32) * MIB);
  });

  it('is refused until there is room again, and checked seldom', async () => {
    const disk = diskOf(600 * MIB);
    let looks = 0;
    const freeBytes = () => {
      looks += 1;
      return disk.freeBytes();
    };
    const counted = { ...disk, freeBytes };
    const space = new DiskSpace(counted, 500 * MIB);
    for (let at = 0; at < 100; at += 1) await space.write(MIB / 2, 0);
    expect(looks).toBe(1);
    disk.used = 200 * MIB;
    expect(await kindOfRejection(space.write(32 * MIB, 0))).toBe('no-space');
    expect(await kindOfRejection(space.write(1, 0))).toBe('no-space');
    disk.used = 0;
    expect(await kindOfRejection(space.write(1, 0))).toBe('nothing thrown');
  });

  it('counts what uploads have still to write until they end', async () => {
    const space = new DiskSpace(diskOf(600 * MIB), 500 * MIB);
    expect(await kindOfRejection(space.write(60 * MIB, 60 * MIB))).toBe('nothing thrown');
    expect(await kindOfRejection(space.require(60 * MIB))).toBe('no-space');
    space.settle(60 * MIB);
    expect(await kindOfRejection(space.require(60 * MIB))).toBe('nothing thrown');
  });
});
