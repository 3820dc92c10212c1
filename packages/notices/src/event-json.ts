import type { Message } from './receiver.js';

/** The JSON object that webhooks and programs get, documented in docs/notices.md. Keys may be added. */
export function eventJson({ id, notice, title, body, thread }: Message): string {
  return JSON.stringify({ id, ...notice, thread, title, body });
}
