import { SpentBuffers } from '@deploy-tools/shared/host/spent-buffers.js';
import { expect, it } from 'vitest';

const PIECE = 64 * 1024;
const PIECES = 4_000;

it('keeps what was used up from piling up: of 256 MiB, a few are still there', () => {
  const spent = new SpentBuffers();
  const before = process.memoryUsage().arrayBuffers;
  let last = Buffer.alloc(0);
  let most = 0;
  for (let at = 0; at < PIECES; at++) {
    last = Buffer.allocUnsafeSlow(PIECE);
    spent.add(PIECE);
    if (at % 100 === 0) most = Math.max(most, process.memoryUsage().arrayBuffers - before);
  }
  expect(last).toHaveLength(PIECE);
  expect(most).toBeLessThan(16 * 1024 * 1024);
});
