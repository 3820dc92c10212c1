import { createHmac } from 'node:crypto';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { programVersion } from '@deploy-tools/shared/version.js';
import { type Environment, secretFrom, secretIn } from '../environment.js';
import { eventJson } from '../event-json.js';
import { post, refusalOf } from '../http-answer.js';
import type { Message, Receiver } from '../receiver.js';
import type { WebhookUrl } from '../receiver-url.js';

/** The variable with the secret where the URL names none. */
const COMMON_SECRET = 'WEBHOOK_SECRET';

/** `sha256=` and the hex HMAC-SHA-256 of `timestamp.body`. */
export function signature(secret: string, timestamp: string, body: string): string {
  return `sha256=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`;
}

/** The signature with the receiver's host: a receiver cannot pass a message on to another one with the same secret. */
export function hostSignature(secret: string, timestamp: string, host: string, body: string): string {
  return signature(secret, `${timestamp}.${host}`, body);
}

/** Posts the event as signed JSON; see docs/notices.md. */
export function webhookReceiver(url: WebhookUrl, environment: Environment, clock: () => Date): Receiver {
  const { host } = new URL(url.url);
  const agent = `deploy-tools/${programVersion()}`;
  return {
    label: `webhook+${url.url}`,
    edits: false,
    quiet: url.quiet,
    send: async (message: Message, signal: AbortSignal): Promise<void> => {
      const body = eventJson(message);
      const secret = await webhookSecret(url, environment);
      const timestamp = String(Math.floor(clock().getTime() / 1000));
      const headers = {
        'Content-Type': 'application/json',
        'User-Agent': agent,
        'Deploy-Event': message.notice.event,
        'Deploy-Delivery': message.id,
        'Deploy-Timestamp': timestamp,
        'Deploy-Host': host,
        ...(secret === undefined ? {} : signatures(secret, timestamp, host, body)),
      };
      const answer = await post(url.url, headers, body, signal);
      if (answer.status < 200 || answer.status > 299) throw refusalOf(host, answer);
    },
  };
}

function signatures(
  ...[secret, timestamp, host, body]: Parameters<typeof hostSignature>
): Record<string, string> {
  return {
    'Deploy-Signature': signature(secret, timestamp, body),
    'Deploy-Host-Signature': hostSignature(secret, timestamp, host, body),
  };
}

/** The secret; undefined when messages are not signed. @throws DeployError when the secret that the URL names is missing. */
export async function webhookSecret(
  { secret }: WebhookUrl,
  environment: Environment,
): Promise<string | undefined> {
  if (secret === undefined) return secretFrom(environment, COMMON_SECRET);
  if ('file' in secret) return secretIn(secret.file);
  const found = await secretFrom(environment, secret.env);
  if (found === undefined) {
    throw new DeployError('denied', `${secret.env} is not set`, { hint: `set it, or ${secret.env}_FILE` });
  }
  return found;
}
