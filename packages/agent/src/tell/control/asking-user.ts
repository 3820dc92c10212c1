import { userInfo } from 'node:os';
import { MAX_PAUSE_BY } from '@deploy-tools/shared/report/pause-note.js';

/** The user who asks, as the host knows it: who called sudo, else the user of this process; `uid 1234` where it has no name. */
export function askingUser({ SUDO_USER }: Readonly<Record<string, string | undefined>>): string {
  return (SUDO_USER || ownName()).slice(0, MAX_PAUSE_BY);
}

function ownName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.()}`;
  }
}
