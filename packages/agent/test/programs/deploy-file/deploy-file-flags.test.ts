import {
  DEPLOY_FILE_FLAGS,
  deployFileSettings,
} from '@deploy-tools/agent/programs/deploy-file/deploy-file-flags.js';
import { parseFlags } from '@deploy-tools/shared/cli/flags.js';
import { describe, expect, it } from 'vitest';
import { kindOf } from '../../../../shared/test/support/kind-of.js';

function settingsOf(...words: string[]) {
  return deployFileSettings(parseFlags({ flags: DEPLOY_FILE_FLAGS }, words).values);
}

describe('the flags of manifest', () => {
  it('have the defaults of stretcher', () => {
    expect(settingsOf()).toMatchObject({
      ...{ maxBytesPerSecond: undefined, randomDelayMs: 0, verbose: true, waits: true },
      retries: { count: 0, waitMs: 3000, timeoutMs: undefined },
    });
  });

  it('take times as stretcher does, in seconds, and as durations', () => {
    const stretchers = settingsOf('-timeout', '300', '-random-delay=1.5', '-retry', '3', '-retry-wait', '10');
    expect(stretchers).toMatchObject({
      randomDelayMs: 1500,
      retries: { count: 3, waitMs: 10_000, timeoutMs: 300_000 },
    });
    const ours = settingsOf('-timeout', '5m', '-random-delay=1.5s', '-retry-wait', '10s');
    expect(ours).toMatchObject({ randomDelayMs: 1500, retries: { waitMs: 10_000, timeoutMs: 300_000 } });
    expect(settingsOf('-timeout', '0').retries.timeoutMs).toBeUndefined();
    expect(settingsOf('-max-bandwidth', '10MB', '-rsync-verbose', '')).toMatchObject({
      maxBytesPerSecond: 10 * 1024 * 1024,
      verbose: false,
    });
  });

  it.each([
    ['-busy', 'maybe'],
    ['-signed-manifest'],
    ['-timeout', 'soon'],
    ['-random-delay', '-5'],
    ['-retry-wait', '1000h'],
    ['-max-bandwidth', '0'],
    ['-allow', 'everything'],
  ])('refuse %s %s', (...words) => {
    expect(kindOf(() => settingsOf(...words))).toBe('usage');
  });
});
