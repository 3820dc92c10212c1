import type { Message } from '@deploy-tools/notices/receiver.js';
import { decodeJson } from '@deploy-tools/shared/json/decode-json.js';
import * as z from 'zod/mini';

const named = z.array(z.object({ host: z.string(), reason: z.string() }));

/** By event. A field that is added later has to be optional: messages of an earlier version may still wait. */
const notice = z.discriminatedUnion('event', [
  z.object({
    event: z.literal('version-added'),
    time: z.string(),
    component: z.string(),
    version: z.string(),
    author: z._default(z.string(), ''),
  }),
  z.object({
    event: z.literal('configuration-changed'),
    time: z.string(),
    configuration: z.string(),
    revision: z.number(),
    author: z._default(z.string(), ''),
    command: z._default(z.string(), ''),
    deleted: z._default(z.boolean(), false),
  }),
  z.object({
    event: z.enum(['deploy-started', 'deploy-succeeded', 'deploy-failed', 'deploy-rolled-back']),
    time: z.string(),
    configuration: z.string(),
    revision: z.number(),
    release: z.exactOptional(z.string()),
    hosts: z.number(),
    done: z.number(),
    named: z._default(named, []),
    error: z.exactOptional(z.object({ kind: z.string(), message: z.string() })),
    edition: z.exactOptional(z.enum(['progress', 'final'])),
    ongoing: z.exactOptional(z.boolean()),
    replacedBy: z.exactOptional(z.number()),
    streak: z.exactOptional(
      z.object({ failures: z.number(), since: z.string(), silence: z._default(z.boolean(), false) }),
    ),
    recovered: z.exactOptional(z.object({ failures: z.number(), since: z.string(), ms: z.number() })),
  }),
  z.object({
    event: z.enum(['host-lost', 'host-recovered']),
    time: z.string(),
    hosts: z.number(),
    named: z._default(named, []),
    configurations: z._default(z.array(z.string()), []),
  }),
  z.object({
    event: z.enum(['disk-low', 'disk-recovered']),
    time: z.string(),
    place: z.string(),
    free: z.number(),
    reserve: z.number(),
  }),
  z.object({ event: z.literal('test'), time: z.string(), author: z._default(z.string(), '') }),
]);

const message = z.object({
  id: z.string(),
  notice,
  title: z.string(),
  body: z._default(z.string(), ''),
  thread: z.string(),
});

export function encodeMessage(waiting: Message): string {
  return JSON.stringify(waiting);
}

/** Reads what {@link encodeMessage} of this or an earlier version wrote. @throws DeployError corrupt. */
export function decodeMessage(text: string): Message {
  return decodeJson(text, message, { what: 'a message to a receiver in registry.db', kind: 'corrupt' });
}
