import { createRequire } from 'node:module';
import util, { types } from 'node:util';
import type { SftpStream } from 'ssh2-streams';

/**
 * An SFTPStream of ssh2-streams, which asks for util.isDate: Node.js 23 and later have none. It is loaded when it is
 * first asked for, so that it finds the one given here.
 */
export function secondSftp(role: 'client' | 'server'): SftpStream {
  const shimmed: object = util;
  if (!('isDate' in shimmed)) Object.assign(shimmed, { isDate: types.isDate });
  const { SFTPStream } = createRequire(import.meta.url)('ssh2-streams') as import('ssh2-streams').Ssh2Streams;
  return new SFTPStream({ server: role === 'server' });
}
