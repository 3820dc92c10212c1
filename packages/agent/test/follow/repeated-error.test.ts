import { RepeatedError } from '@deploy-tools/agent/follow/repeated-error.js';
import { expect, it } from 'vitest';

it('what goes wrong again and again is told at growing intervals, and anew once it went well', () => {
  const errors = new RepeatedError();
  const due = () =>
    Array.from({ length: 9 }, () => errors.isDue('refused'))
      .map(Number)
      .join('');
  expect(due()).toBe('110100010');
  expect(errors.isDue('another')).toBe(true);
  expect(due()).toBe('110100010');
  errors.clear();
  expect(errors.isDue('refused')).toBe(true);
  expect(errors.count).toBe(1);
});
