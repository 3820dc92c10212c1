import { PacketPool } from '@deploy-tools/shared/sftp/packet-pool.js';
import { MAX_PACKET } from '@deploy-tools/shared/sftp/protocol.js';
import { expect, it } from 'vitest';

it('gives memory out again only after it was given back, also by a part of it', () => {
  const pool = new PacketPool();
  const first = pool.take(200_000);
  const second = pool.take(MAX_PACKET);
  expect(second.buffer).not.toBe(first.buffer);
  pool.give(first.subarray(13, 1000));
  const third = pool.take(150_000);
  expect(third.buffer).toBe(first.buffer);
  expect(third.length).toBe(150_000);
});

it('keeps neither small packets nor foreign memory', () => {
  const pool = new PacketPool();
  pool.give(pool.take(100));
  pool.give(Buffer.allocUnsafeSlow(MAX_PACKET + 1));
  const large = pool.take(100_000);
  expect(large.buffer.byteLength).toBe(MAX_PACKET);
  expect(pool.take(100).buffer).not.toBe(large.buffer);
});
