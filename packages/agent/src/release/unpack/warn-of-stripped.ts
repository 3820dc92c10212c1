import type { Logger } from '@deploy-tools/shared/log.js';

/** Once for a release: a program that counts on setuid fails in ways that nobody would trace back to unpacking. */
export function warnOfStripped(log: Logger, root: string, stripped: number): void {
  if (stripped === 0) return;
  log.warn(
    { root, entries: stripped },
    'setuid, setgid and sticky bits of the archives were left out; -allow setid keeps them',
  );
}
