import type { Notice } from '@deploy-tools/notices/notice.js';
import type { ReceiverRecord } from '../../meta/notice-store.js';

/** Whether a receiver is to be told: its events and its names, where it has any, fit. */
export function isWanted(
  { events, names }: Pick<ReceiverRecord, 'events' | 'names'>,
  notice: Notice,
): boolean {
  if (events.length > 0 && !events.includes(notice.event)) return false;
  return names.length === 0 || subjectsOf(notice).some((subject) => names.includes(subject));
}

function subjectsOf(notice: Notice): readonly string[] {
  if ('component' in notice) return [notice.component];
  if ('configuration' in notice) return [notice.configuration];
  return 'configurations' in notice ? notice.configurations : [];
}
