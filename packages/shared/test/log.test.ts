import { closeSync, openSync, writeSync } from 'node:fs';
import { createLogger } from '@deploy-tools/shared/log.js';
import { LogDestination, type WriteBytes } from '@deploy-tools/shared/log-destination.js';
import { describe, expect, onTestFinished, test, vi } from 'vitest';

/** A place for bytes that a test makes fail, and take no more than so many at once. */
function place() {
  const state = { text: '', failure: undefined as string | undefined, most: Infinity };
  const write: WriteBytes = (bytes) => {
    if (state.failure !== undefined) {
      throw Object.assign(new Error(`${state.failure}: as told`), { code: state.failure });
    }
    const taken = Math.min(bytes.length, state.most);
    state.text += Buffer.from(bytes.subarray(0, taken)).toString();
    return taken;
  };
  const lines = () =>
    state.text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { state, write, lines };
}

describe('what strangers say', () => {
  const HOSTILE = 'x\u001b[31m\u009b2J\u202egpj\u2028\n[09:00] INFO: forged\u200b';
  const unsafe = /[^\P{Cc}\n]|[\p{Cf}\p{Zl}\p{Zp}]/u;

  /** Of every place in which a text may be logged. */
  async function logEverywhere(write: WriteBytes): Promise<void> {
    const log = await createLogger('test', 'info', { write });
    const child = log.child({ client: HOSTILE });
    child.info({ user: HOSTILE, list: [HOSTILE], deep: { text: HOSTILE }, [HOSTILE]: 1 }, HOSTILE);
    child.error(new Error(HOSTILE));
    child.warn({ err: HOSTILE });
  }

  test('is escaped in JSON, and reads back as it was', async () => {
    const { state, write, lines } = place();
    await logEverywhere(write);
    expect(state.text).not.toMatch(unsafe);
    expect(lines()).toHaveLength(3);
    expect(lines()[0]).toMatchObject({
      client: HOSTILE,
      user: HOSTILE,
      list: [HOSTILE],
      deep: { text: HOSTILE },
      msg: HOSTILE,
    });
  });

  test('is shown on a terminal, and cannot look like another line', async () => {
    const { state, write } = place();
    const { isTTY } = process.stderr;
    process.stderr.isTTY = true;
    vi.stubEnv('NO_COLOR', '1');
    onTestFinished(() => {
      process.stderr.isTTY = isTTY;
      vi.unstubAllEnvs();
    });
    await logEverywhere(write);
    expect(state.text).not.toMatch(unsafe);
    expect(state.text).toContain('x\\x1b[31m\\x9b2J\\u202egpj\\u2028\\n[09:00] INFO: forged');
    expect(state.text).not.toMatch(/^\[09:00\]/m);
  });
});

describe('a log that cannot be written', () => {
  test.each(['ENOSPC', 'EPIPE', 'EIO', 'EBADF'])(
    'for %s loses lines and says how many, later',
    async (code) => {
      const { state, write, lines } = place();
      const log = await createLogger('test', 'info', { write });
      log.info('before');
      state.failure = code;
      for (let count = 0; count < 1000; count += 1) log.error({ count }, 'lost');
      log.fatal('lost as well');
      state.failure = undefined;
      log.info('after');
      log.info('and on');
      expect(lines().map(({ msg, lost, err }) => [msg, lost, err])).toEqual([
        ['before', undefined, undefined],
        ['log lines could not be written and are lost', 1001, `${code}: as told`],
        ['after', undefined, undefined],
        ['and on', undefined, undefined],
      ]);
      expect(lines()[1]).toMatchObject({
        name: 'test',
        level: 40,
        time: expect.stringMatching(/^\d{4}-.*Z$/),
      });
    },
  );

  test('says so even where only errors are logged', async () => {
    const { state, write, lines } = place();
    const log = await createLogger('test', 'error', { write });
    state.failure = 'ENOSPC';
    log.error('lost');
    state.failure = undefined;
    log.error('after');
    expect(lines().map(({ lost }) => lost)).toEqual([1, undefined]);
  });

  test('in the middle of a line leaves no damaged other line', async () => {
    const { state, write, lines } = place();
    let left = 30;
    const log = await createLogger('test', 'info', {
      write: (bytes) => {
        if (left === 0) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
        const taken = write(bytes.subarray(0, left));
        left -= taken;
        return taken;
      },
    });
    log.info('cut off');
    left = Infinity;
    log.info('after');
    const [cut, ...whole] = state.text.split('\n');
    expect(cut).toHaveLength(30);
    state.text = whole.join('\n');
    expect(lines().map(({ msg, lost }) => lost ?? msg)).toEqual([1, 'after']);
  });

  test('at once is tried again: a line in pieces, and a reader that is slow', async () => {
    const { state, write, lines } = place();
    state.most = 7;
    let busy = 3;
    const log = await createLogger('test', 'info', {
      write: (bytes) => {
        busy -= 1;
        if (busy >= 0 && busy < 2) throw Object.assign(new Error('EAGAIN'), { code: 'EAGAIN' });
        return write(bytes);
      },
    });
    log.info('one');
    log.info('two');
    expect(lines().map(({ msg }) => msg)).toEqual(['one', 'two']);
  });

  test('since its reader is stuck is waited for once, not for each line', () => {
    const { state, write } = place();
    let waitedMs = 0;
    const destination = new LogDestination({
      write,
      format: (line) => `> ${line}`,
      lossLine: ({ count, reason }) => `${count} lost: ${reason}\n`,
      wait: (ms) => {
        waitedMs += ms;
      },
    });
    state.failure = 'EAGAIN';
    for (let count = 0; count < 500; count += 1) destination.write('lost\n');
    expect(waitedMs).toBe(1000);
    state.failure = undefined;
    destination.write('after\n');
    expect(state.text).toBe('> 500 lost: nobody reads it\n> after\n');
  });

  test('to a device that is full is the same as to any other', async () => {
    const full = openSync('/dev/full', 'w');
    onTestFinished(() => closeSync(full));
    const { write, lines } = place();
    let target: WriteBytes = (bytes) => writeSync(full, bytes);
    const log = await createLogger('test', 'info', { write: (bytes) => target(bytes) });
    log.info('lost');
    target = write;
    log.info('after');
    expect(lines()[0]).toMatchObject({ lost: 1, err: expect.stringContaining('ENOSPC') });
  });
});
