import type { ThreadMemory } from './receiver.js';

const MAX_THREADS = 100;

/** Keeps the references of the newest threads in memory. */
export function recentThreads(): ThreadMemory {
  const references = new Map<string, string>();
  return {
    recall: async (thread) => references.get(thread),
    keep: async (thread, reference) => {
      references.delete(thread);
      references.set(thread, reference);
      const [oldest] = references.keys();
      if (references.size > MAX_THREADS && oldest !== undefined) references.delete(oldest);
    },
  };
}
