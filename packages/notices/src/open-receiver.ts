import type { Environment } from './environment.js';
import type { AllowedPrograms, Receiver, ThreadMemory } from './receiver.js';
import { parseReceiverUrl, type ReceiverUrl } from './receiver-url.js';
import { checkProgram, execReceiver } from './receivers/exec.js';
import { slackReceiver, slackToken } from './receivers/slack.js';
import { loginOf, sender, smtpReceiver } from './receivers/smtp.js';
import { webhookReceiver, webhookSecret } from './receivers/webhook.js';

/** The surroundings of a receiver. */
export interface ReceiverTools {
  /** Has the tokens and passwords; read anew for each message. */
  readonly environment: Environment;
  readonly clock: () => Date;
  readonly threads: ThreadMemory;
  readonly programs: AllowedPrograms;
}

/** Makes a receiver without connecting to it. @throws DeployError usage when the URL is not valid. */
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

/** Checks that the secrets and the program of a receiver exist. @throws DeployError with a hint. */
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
