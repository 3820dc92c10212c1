import { PassThrough } from 'node:stream';
import { startProgress } from '@deploy-tools/ctl/addver/upload-progress.js';
import { expect, test } from 'vitest';
import { readAll } from '../../../../test/support/read-all.js';

function screen(isTTY: boolean, columns = 80) {
  let time = 0;
  const out = Object.assign(new PassThrough(), { isTTY, columns });
  return {
    out,
    now: () => time,
    pass: (ms: number) => {
      time += ms;
    },
    shown: () => readAll(out),
  };
}

const MB = 1024 * 1024;

test('a terminal gets a bar with rate and remaining time, redrawn in place', () => {
  const { out, now, pass, shown } = screen(true);
  const progress = startProgress(out, { label: 'code', size: 100 * MB }, now);
  pass(1000);
  progress.update(25 * MB);
  expect(shown()).toBe('\rcode [#####               ] 25% of 100 MB, 25.0 MB/s, 3s left\x1b[K');
  pass(50);
  progress.update(26 * MB);
  expect(shown()).toBe('');
  pass(2950);
  progress.done();
  expect(shown()).toBe('\rcode: 26.0 MB uploaded in 4s, 6.5 MB/s\x1b[K\n');
});

test('a narrow terminal is never overrun', () => {
  const { out, now, pass, shown } = screen(true, 20);
  const progress = startProgress(out, { label: 'code', size: 100 * MB }, now);
  pass(1000);
  progress.update(25 * MB);
  expect(shown()).toBe('\rcode [#####        \x1b[K');
});

test('anything else gets a line every ten seconds and one at the end', () => {
  const { out, now, pass, shown } = screen(false);
  const progress = startProgress(out, { label: 'code', size: 100 * MB }, now);
  for (let second = 1; second <= 25; second += 1) {
    pass(1000);
    progress.update(second * MB);
  }
  progress.done();
  expect(shown()).toBe(
    'code: 10% of 100 MB, 1.0 MB/s, 1m30s left\n' +
      'code: 20% of 100 MB, 1.0 MB/s, 1m20s left\n' +
      'code: 25.0 MB uploaded in 25s, 1.0 MB/s\n',
  );
});

test('without a size there is a rate only, and a failure ends the line', () => {
  const { out, now, pass, shown } = screen(true);
  const progress = startProgress(out, { label: 'dir', size: undefined }, now);
  pass(2000);
  progress.update(3 * MB);
  progress.stop();
  expect(shown()).toBe('\rdir: 3.0 MB, 1.5 MB/s\x1b[K\n');
});

test('no output shows nothing', () => {
  const progress = startProgress(undefined, { label: 'dir', size: 1 }, () => 0);
  progress.update(1);
  progress.done();
  progress.stop();
});
