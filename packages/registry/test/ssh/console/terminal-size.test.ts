import { TerminalSize } from '@deploy-tools/registry/ssh/console/terminal-size.js';
import { expect, test } from 'vitest';

test('is 80 by 24 until the peer tells, and keeps what it does not know', () => {
  const size = new TerminalSize();
  expect([size.given, size.columns, size.rows]).toEqual([false, 80, 24]);
  size.set(0, 50);
  expect([size.given, size.columns, size.rows]).toEqual([true, 80, 50]);
  size.set(132, 0);
  expect([size.columns, size.rows]).toEqual([132, 50]);
});

test('calls every listener on each change', () => {
  const size = new TerminalSize();
  const seen: string[] = [];
  size.onChange(() => seen.push(`a ${size.columns}`));
  size.onChange(() => seen.push(`b ${size.columns}`));
  size.set(100, 30);
  size.set(90, 30);
  expect(seen).toEqual(['a 100', 'b 100', 'a 90', 'b 90']);
});
