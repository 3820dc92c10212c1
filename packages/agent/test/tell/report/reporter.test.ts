import { join } from 'node:path';
import { OutcomeStore } from '@deploy-tools/agent/tell/report/outcome-store.js';
import { Reporter } from '@deploy-tools/agent/tell/report/reporter.js';
import type { Connection, ExecStreams } from '@deploy-tools/shared/client/connection.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { createLogger } from '@deploy-tools/shared/log.js';
import type { StateReport } from '@deploy-tools/shared/report/report.js';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { testScope } from '../../../../../test/support/scope.js';
import { tempDir } from '../../../../../test/support/temp-dir.js';

interface Line {
  readonly Type: string;
  readonly [key: string]: unknown;
}

/** One exec `report`, as a registry sees it. */
class Channel {
  readonly lines: Line[] = [];
  readonly ended: Promise<number>;
  end!: (status: number) => void;
  fail!: (error: Error) => void;
  readonly #streams: ExecStreams;

  constructor(streams: ExecStreams) {
    this.#streams = streams;
    this.ended = new Promise((resolve, reject) => {
      this.end = resolve;
      this.fail = reject;
    });
    streams.stdin?.on('data', (bytes: Buffer) => {
      for (const text of bytes.toString().split('\n').filter(Boolean)) this.lines.push(JSON.parse(text));
    });
  }

  say(line: object): void {
    this.#streams.stdout.write(`${JSON.stringify(line)}\n`);
  }
}

let present: StateReport;
let channels: Channel[];
let said: string[];
let asked: string[];
let outcomes: OutcomeStore;
let reporter: Reporter;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  [channels, said, asked] = [[], [], []];
  present = { config: 'p', state: 'skipped' };
  outcomes = new OutcomeStore(join(tempDir(testScope()), 'outcomes.jsonl'));
  const log = await createLogger('test', 'silent');
  log.info = (...words: unknown[]) => void said.push(words.map((word) => JSON.stringify(word)).join(' '));
  const config = {
    present: () => present,
    onRetry: () => void asked.push('retry'),
    onCancel: (by: string) => {
      asked.push(`cancel by ${by}`);
      return '';
    },
  };
  const hello = { host: 'web1', agent: '1.0', labels: { zone: 'a' } };
  reporter = new Reporter({ hello, configs: new Map([['p', config]]), outcomes, log });
});

const exec = (command: string, streams: ExecStreams): Promise<number> => {
  expect(command).toBe('report');
  const channel = new Channel(streams);
  channels.push(channel);
  return channel.ended;
};
const connection = { exec } as unknown as Connection;

/** Lets streams pass on what they have. */
const passOn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('an agent that reports', () => {
  it('says who it is, then what was not stored, oldest first, then how things are', async () => {
    for (const deploy of ['d1', 'd2']) outcomes.add({ config: 'p', state: 'healthy', deploy });
    reporter.follow(connection);
    await passOn();
    expect(channels[0]?.lines).toEqual([
      {
        ...{ Type: 'hello', Host: 'web1', Agent: '1.0', Labels: { zone: 'a' }, Configs: ['p'] },
        Features: ['again', 'cancel'],
      },
      { Type: 'state', Config: 'p', State: 'healthy', Deploy: 'd1', Again: true },
      { Type: 'state', Config: 'p', State: 'healthy', Deploy: 'd2', Again: true },
      { Type: 'state', Config: 'p', State: 'skipped' },
    ]);
    channels[0]?.say({ Type: 'ack', Deploy: 'd1', State: 'healthy' });
    await passOn();
    expect(outcomes.list().map(({ deploy }) => deploy)).toEqual(['d2']);
  });

  it('gives a sign of life after ten seconds in which it said nothing else', async () => {
    reporter.follow(connection);
    await passOn();
    const lines = channels[0]?.lines ?? [];
    const greeted = lines.length;
    vi.advanceTimersByTime(9_999);
    present = { config: 'p', state: 'pending' };
    reporter.changed('p');
    vi.advanceTimersByTime(9_999);
    await passOn();
    expect(lines.slice(greeted)).toEqual([{ Type: 'state', Config: 'p', State: 'pending' }]);
    vi.advanceTimersByTime(10_001);
    await passOn();
    expect(lines.slice(greeted + 1)).toEqual([{ Type: 'heartbeat' }, { Type: 'heartbeat' }]);
  });

  it('passes on what an operator says', async () => {
    reporter.follow(connection);
    channels[0]?.say({ Type: 'retry', Config: 'p' });
    channels[0]?.say({ Type: 'cancel', Config: 'p', By: 'ops@example' });
    channels[0]?.say({ Type: 'heartbeat' });
    await passOn();
    expect(asked).toEqual(['retry', 'cancel by ops@example']);
  });
});

describe('a registry that takes no reports', () => {
  it('because it refuses the host is asked again after a minute; why is logged once', async () => {
    reporter.follow(connection);
    for (const round of [1, 2]) {
      expect(channels).toHaveLength(round);
      channels.at(-1)?.say({ Type: 'refused', Error: 'the name belongs to another key' });
      await passOn();
      channels.at(-1)?.end(1);
      await passOn();
      vi.advanceTimersByTime(59_999);
      expect(channels).toHaveLength(round);
      vi.advanceTimersByTime(1);
    }
    expect(said).toEqual([expect.stringContaining('the name belongs to another key')]);
  });

  it('that does not support reports gets none', async () => {
    reporter.follow(connection);
    channels[0]?.fail(new DeployError('unsupported', 'the registry refuses exec'));
    await passOn();
    present = { config: 'p', state: 'healthy', deploy: 'd1' };
    reporter.changed('p');
    await passOn();
    expect(channels).toHaveLength(1);
    expect(channels[0]?.lines.filter(({ Deploy }) => Deploy === 'd1')).toEqual([]);
    expect(outcomes.list()).toMatchObject([{ deploy: 'd1' }]); // kept, should it learn
    expect(said).toEqual([expect.stringContaining('it does not support reports')]);
  });
});
