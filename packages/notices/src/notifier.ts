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

/** Tells notices to receivers. */
export interface Notifier {
  /** Returns at once, whatever becomes of the receivers; what the streak rule keeps silent is not told. */
  tell(notice: Notice): void;
  /** Delivers what waits, within this time. What is told afterwards is not. */
  close(deadlineMs: number): Promise<void>;
}

/**
 * For a program that makes notices of its own, in memory alone: an agent without a registry.
 * @param urls as in docs/notices.md; programs may be run, for whoever started this one chose them.
 * @throws DeployError when a URL is not one, or what a receiver needs is not there.
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
  const streaks = new Map<string, Streak>();
  return {
    tell: (notice) => {
      const told = judged(streaks, notice);
      if (told === undefined) return;
      const message = wordNotice(told, randomUUID());
      for (const delivery of deliveries) delivery.offer(message);
    },
    close: async (deadlineMs) => {
      await Promise.all(deliveries.map((delivery) => delivery.close(deadlineMs)));
    },
  };
}

function judged(streaks: Map<string, Streak>, notice: Notice): Notice | undefined {
  if (!isDeployNotice(notice)) return notice;
  const { streak, told } = judgeStreak(streaks.get(notice.configuration), notice);
  if (streak === undefined) streaks.delete(notice.configuration);
  else streaks.set(notice.configuration, streak);
  return told;
}
