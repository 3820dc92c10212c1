import type { Notice } from '@deploy-tools/notices/notice.js';
import { wordNotice } from '@deploy-tools/notices/wording.js';
import { describe, expect, it } from 'vitest';
import { deployOf, failedOf, later, TIME } from './support/samples.js';

const text = (notice: Notice) => {
  const { title, body } = wordNotice(notice, 'id');
  return body === '' ? title : `${title}\n${body}`;
};

describe('wording', () => {
  it.each<[string, Notice]>([
    [
      'code: version v02 added\nby alice',
      { event: 'version-added', time: TIME, component: 'code', version: 'v02', author: 'alice' },
    ],
    [
      'project1: revision 7\nby alice\nchangeconf project1 code:v02',
      {
        event: 'configuration-changed',
        time: TIME,
        configuration: 'project1',
        revision: 7,
        author: 'alice',
        command: 'changeconf project1 code:v02',
        deleted: false,
      },
    ],
    ['project1 revision 7: deploying to 3 hosts', deployOf('deploy-started', { done: 0 })],
    ['project1 revision 7: deploying, runs on 1 of 3 hosts', deployOf('deploy-started')],
    [
      'project1 revision 7: replaced by revision 8, ran on 1 of 3 hosts',
      deployOf('deploy-started', { replacedBy: 8, edition: 'progress' }),
    ],
    ['project1 revision 7: deployed on all 3 hosts', deployOf('deploy-succeeded', { done: 3 })],
    [
      'project1 revision 7: deployed on 2 of 3 hosts\nweb9: lost',
      deployOf('deploy-succeeded', { done: 2, named: [{ host: 'web9', reason: 'lost' }] }),
    ],
    [
      'app v1.2.3: deployed, recovered after 8 failures in 9m30s',
      deployOf('deploy-succeeded', {
        configuration: 'app',
        release: 'v1.2.3',
        hosts: 1,
        recovered: { failures: 8, since: TIME, ms: 570_250 },
      }),
    ],
    ['project1 revision 7: failed on 1 of 3 hosts\nscript: x\nweb1: script: x', failedOf('x')],
    [
      'project1 revision 7: failed and rolled back on all 12 hosts\nscript: x\n3 failures since 2026-01-02T03:05:05Z\n' +
        'The same error is not reported again before a success.\nweb1: script: x\nand 11 more',
      failedOf('x', {
        event: 'deploy-rolled-back',
        hosts: 12,
        done: 12,
        streak: { failures: 3, since: later(1), silence: true },
      }),
    ],
    [
      'host web9 lost\nweb9: silent for 46s\nfollows project1',
      {
        event: 'host-lost',
        time: TIME,
        hosts: 1,
        named: [{ host: 'web9', reason: 'silent for 46s' }],
        configurations: ['project1'],
      },
    ],
    [
      '40 hosts heard again\nweb1\nand 39 more',
      {
        event: 'host-recovered',
        time: TIME,
        hosts: 40,
        named: [{ host: 'web1', reason: '' }],
        configurations: [],
      },
    ],
    [
      "the registry's disk is nearly full: 800 MB left\n/srv: uploads are refused below 500 MB\ngc shows and removes what is not needed",
      { event: 'disk-low', time: TIME, place: '/srv', free: 800 * 1024 ** 2, reserve: 500 * 1024 ** 2 },
    ],
    [
      "the registry's disk has room again: 2.0 GB left\n/srv",
      { event: 'disk-recovered', time: TIME, place: '/srv', free: 2 * 1024 ** 3, reserve: 500 * 1024 ** 2 },
    ],
  ])('%s', (expected, notice) => {
    expect(text(notice)).toBe(expected);
  });

  it('text from elsewhere stays on its line, and is bounded', () => {
    const notice = failedOf(`a\r\nBcc: x\u202e${'y'.repeat(5000)}`);
    const { title, body } = wordNotice(notice, 'id');
    expect(title).toBe('project1 revision 7: failed on 1 of 3 hosts');
    expect(body.split('\n')).toHaveLength(2);
    expect(body).toMatch(/^script: a Bcc: x y+…\nweb1: script: a Bcc: x y+…$/);
  });

  it('a rollout is one thread, another revision another', () => {
    const { thread } = wordNotice(deployOf('deploy-started'), 'a');
    expect(wordNotice(failedOf('x', { time: later(5) }), 'b').thread).toBe(thread);
    expect(wordNotice(deployOf('deploy-succeeded', { revision: 8 }), 'c').thread).not.toBe(thread);
  });
});
