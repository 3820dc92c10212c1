import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Pause, readPause } from '@deploy-tools/agent/deploy/pause.js';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../../../shared/test/support/temporary-directory.js';

const note = { by: 'ops', since: '2026-03-01T12:00:00.000Z', reason: 'disk is replaced' };

describe('a pause', () => {
  it('knows who began it, also in an agent that is started anew; the first one stays', () => {
    const path = join(temporaryDirectory(), 'paused');
    expect(new Pause(path).paused).toBe(false);
    expect(new Pause(path).begin(note)).toBe(true);
    const pause = new Pause(path);
    expect(pause.begin({ by: 'other', since: note.since })).toBe(false);
    expect(pause.note).toEqual(note);
    expect(pause.end()).toBe(true);
    expect([pause.end(), pause.paused, existsSync(path)]).toEqual([false, false, false]);
  });

  it('tells each change once: begun, in effect, ended', () => {
    const seen: string[] = [];
    const pause = new Pause(join(temporaryDirectory(), 'paused'), () =>
      seen.push(`${pause.paused} ${pause.holding}`),
    );
    pause.hold();
    pause.begin(note);
    pause.hold();
    pause.hold();
    pause.end();
    expect(seen).toEqual(['true false', 'true true', 'false false']);
  });

  it.each([
    ['2026-03-01T12:00:00.000Z\n', { since: note.since }],
    ['', {}],
    ['by hand', {}],
    ['{"by":7}', {}],
    [JSON.stringify(note), note],
  ])('counts whatever its file holds: %j', (text, expected) => {
    const path = join(temporaryDirectory(), 'paused');
    writeFileSync(path, text);
    expect(readPause(path)).toEqual(expected);
    expect(new Pause(path).hold()).toBe(true);
  });
});
