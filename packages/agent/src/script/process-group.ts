import { errnoOf } from '@deploy-tools/shared/errors.js';

/**
 * Signals every process of a group. One that is gone is fine; so is one that became another user's: it cannot be
 * ended from here and is waited for.
 */
export function signalGroup(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal);
  } catch (error) {
    const code = errnoOf(error);
    if (code !== 'ESRCH' && code !== 'EPERM') throw error;
  }
}
