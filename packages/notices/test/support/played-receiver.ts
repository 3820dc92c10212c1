import type { Message, Receiver } from '@deploy-tools/notices/receiver.js';

/** A receiver that a test answers for. */
export interface PlayedReceiver extends Receiver {
  /** In the order of their attempts. */
  readonly attempts: Message[];
  /** Waits until there were so many attempts. */
  attempted(count: number): Promise<void>;
}

/** @param answer of an attempt, by its number from 0. */
export function playReceiver(
  answer: (index: number, signal: AbortSignal) => Promise<void>,
  fields: Partial<Pick<Receiver, 'edits' | 'quiet'>> = {},
): PlayedReceiver {
  const attempts: Message[] = [];
  let wake = () => {};
  return {
    label: 'played',
    edits: true,
    quiet: false,
    ...fields,
    attempts,
    send: (message, signal) => {
      attempts.push(message);
      wake();
      return answer(attempts.length - 1, signal);
    },
    attempted: async (count) => {
      while (attempts.length < count) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}
