import type { Message } from './receiver.js';

/** What webhooks and programs get: one JSON object, documented in docs/notices.md. Keys may be added. */
export function eventJson({ id, notice, title, body, thread }: Message): string {
  return JSON.stringify({ id, ...notice, thread, title, body });
}
