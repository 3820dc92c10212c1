import type { DeployNotice } from '@deploy-tools/notices/notice.js';
import type { Message } from '@deploy-tools/notices/receiver.js';
import { wordNotice } from '@deploy-tools/notices/wording.js';

export const TIME = '2026-01-02T03:04:05.678Z';

/** `minutes` after {@link TIME}. */
export function later(minutes: number): string {
  return new Date(Date.parse(TIME) + minutes * 60_000).toISOString();
}

export function deployOf(event: DeployNotice['event'], fields: Partial<DeployNotice> = {}): DeployNotice {
  return {
    event,
    time: TIME,
    configuration: 'project1',
    revision: 7,
    hosts: 3,
    done: 1,
    named: [],
    ...fields,
  };
}

export function failedOf(message: string, fields: Partial<DeployNotice> = {}): DeployNotice {
  return deployOf('deploy-failed', {
    named: [{ host: 'web1', reason: `script: ${message}` }],
    error: { kind: 'script', message },
    ...fields,
  });
}

export function messageOf(notice = deployOf('deploy-started'), id = 'id-1'): Message {
  return wordNotice(notice, id);
}
