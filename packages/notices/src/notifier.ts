import { randomUUID } from 'node:crypto';
import type { Logger } from '@deploy-tools/shared/log.js';
import { Delivery, type DeliveryLimits } from './delivery.js';
import type { Environment } from './environment.js';
import { isDeployNotice, type Notice } from './notice.js';
import { checkReceiver, openReceiver } from './open-receiver.js';
import { recentThreads } from './recent-threads.js';
import { judgeStreak, type Streak } from './streak.js';
import { wordNotice } from './wording.js';

export interface NotifierOptions {
  readonly environment: Environment;
  readonly log: Logger;
  readonly clock: () => Date;
  readonly limits?: Partial<DeliveryLimits>;
}

/** Sends notices to receivers. */
export interface Notifier {
  /** Queues a notice and returns at once; a notice that the rule of streaks silences is dropped. */
  tell(notice: Notice): void;
  /** Delivers waiting messages within this time. Later notices are dropped. */
  close(deadlineMs: number): Promise<void>;
}

/**
 * Opens a notifier in memory alone, for an agent without a registry.
 * @param urls as in docs/notices.md; programs may be run, because the operator of this host chose them.
 * @throws DeployError when a URL is not valid, or when a secret or a program of a receiver is missing.
 */
export async function openNotifier(
  urls: readonly string[],
  { environment, log, clock, limits = {} }: NotifierOptions,
): Promise<Notifier> {
  const deliveries: Delivery[] = [];
  for (const url of urls) {
    const tools = { environment, clock, threads: recentThreads(), programs: 'any' } as const;
    await checkReceiver(url, tools);
    deliveries.push(new Delivery(openReceiver(url, tools), { clock, log, limits }));
  }
  const streaks = new Map<string, Streak | undefined>();
  return {
    tell: (notice) => {
      const sent = judged(streaks, notice);
      if (sent === undefined) return;
      const message = wordNotice(sent, randomUUID());
      for (const delivery of deliveries) delivery.offer(message);
    },
    close: async (deadlineMs) => {
      await Promise.all(deliveries.map((delivery) => delivery.close(deadlineMs)));
    },
  };
}

/** The notice to send by the rule of streaks; undefined when it is silent. */
function judged(streaks: Map<string, Streak | undefined>, notice: Notice): Notice | undefined {
  if (!isDeployNotice(notice)) return notice;
  const { streak, sent } = judgeStreak(streaks.get(notice.configuration), notice);
  streaks.set(notice.configuration, streak);
  return sent;
}
