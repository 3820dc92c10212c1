/** Linux's lists of the TCP sockets of this network namespace: IPv4, IPv6 (proc(5)). */
export const TCP_TABLES = ['/proc/net/tcp', '/proc/net/tcp6'] as const;

/** A line of such a list. `local` and `remote` are ADDRESS:PORT in hexadecimal. */
export interface TcpSocket {
  readonly local: string;
  readonly remote: string;
  readonly isListening: boolean;
  /** 0 while no process has it. */
  readonly inode: number;
}

const LISTEN = '0A';

export function parseTcpTable(text: string): TcpSocket[] {
  return text.split('\n').flatMap((line) => {
    const [, local = '', remote = '', state, , , , , , inode] = line.trim().split(/\s+/);
    const number = Number(inode);
    return Number.isSafeInteger(number)
      ? [{ local, remote, isListening: state === LISTEN, inode: number }]
      : [];
  });
}
