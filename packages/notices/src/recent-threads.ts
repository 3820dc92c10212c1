import type { ThreadMemory } from './receiver.js';

const MOST = 100;

/** Remembers the newest threads, in memory. */
export function recentThreads(): ThreadMemory {
  const references = new Map<string, string>();
  return {
    recall: async (thread) => references.get(thread),
    keep: async (thread, reference) => {
      references.delete(thread);
      references.set(thread, reference);
      const [oldest] = references.keys();
      if (references.size > MOST && oldest !== undefined) references.delete(oldest);
    },
  };
}
