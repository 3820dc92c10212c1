import type { Environment } from './environment.js';
import type { AllowedPrograms, Receiver, ThreadMemory } from './receiver.js';
import { parseReceiverUrl, type ReceiverUrl } from './receiver-url.js';
import { checkProgram, execReceiver } from './receivers/exec.js';
import { slackReceiver, slackToken } from './receivers/slack.js';
import { loginOf, sender, smtpReceiver } from './receivers/smtp.js';
import { webhookReceiver, webhookSecret } from './receivers/webhook.js';

/** What receivers stand on. */
export interface ReceiverTools {
  /** Where tokens and passwords are looked up, each time anew. */
  readonly environment: Environment;
  readonly clock: () => Date;
  readonly threads: ThreadMemory;
  readonly programs: AllowedPrograms;
}

/** Makes a receiver; connects to nothing. @throws DeployError usage when the URL is not one. */
export function openReceiver(text: string, tools: ReceiverTools): Receiver {
  const url = parseReceiverUrl(text);
  const { environment, clock, threads, programs } = tools;
  switch (url.kind) {
    case 'slack':
      return slackReceiver(url, environment, threads);
    case 'smtp':
      return smtpReceiver(url, environment, clock);
    case 'webhook':
      return webhookReceiver(url, environment, clock);
    case 'exec':
      return execReceiver(url, environment, programs);
  }
}

/** Whether what the receiver needs is there: its secrets, its program. @throws DeployError with what to do. */
export async function checkReceiver(
  text: string,
  { environment, programs }: Pick<ReceiverTools, 'environment' | 'programs'>,
): Promise<ReceiverUrl> {
  const url = parseReceiverUrl(text);
  if (url.kind === 'slack') await slackToken(environment);
  if (url.kind === 'webhook') await webhookSecret(url, environment);
  if (url.kind === 'exec') await checkProgram(url.path, programs);
  if (url.kind === 'smtp') {
    await sender(url, environment);
    await loginOf(url, environment);
  }
  return url;
}
