import { readFile } from 'node:fs/promises';
import { isIPv6, type Socket } from 'node:net';
import { errnoOf } from '@deploy-tools/shared/errors.js';
import { parseTcpTable, TCP_TABLES } from '../../host/tcp-table.js';

/**
 * Finds the inode of the server's end of a connection; 0 while no process has accepted it; undefined when that end is not on
 * this host, or the host does not tell.
 */
export async function serverInode(socket: Socket): Promise<number | undefined> {
  const { localAddress = '', localPort = 0, remoteAddress = '', remotePort = 0 } = socket;
  const local = endsOf(remoteAddress, remotePort);
  const remote = endsOf(localAddress, localPort);
  for (const table of TCP_TABLES) {
    const sockets = parseTcpTable(await read(table));
    const found = sockets.find((each) => local.includes(each.local) && remote.includes(each.remote));
    if (found !== undefined) return found.inode;
  }
  return undefined;
}

async function read(table: string): Promise<string> {
  try {
    return await readFile(table, 'latin1');
  } catch (error) {
    if (['ENOENT', 'EACCES', 'EPERM'].includes(errnoOf(error) ?? '')) return '';
    throw error;
  }
}

/** An address in the forms of the tables: an IPv4 address also as an IPv6 socket shows it. */
function endsOf(address: string, port: number): string[] {
  const digits = port.toString(16).toUpperCase().padStart(4, '0');
  const v4 = /(?:^|:)(\d+\.\d+\.\d+\.\d+)$/.exec(address)?.[1];
  if (v4 !== undefined) {
    const word = hexOf([...v4.split('.')].map(Number));
    return [`${word}:${digits}`, `0000000000000000FFFF0000${word}:${digits}`];
  }
  return isIPv6(address) ? [`${hexOf(bytesOf(address))}:${digits}`] : [];
}

/** Prints words of four bytes like a little-endian machine. */
function hexOf(bytes: readonly number[]): string {
  const swapped = bytes.map((_, index) => bytes[index - (index % 4) + 3 - (index % 4)] ?? 0);
  return swapped.map((byte) => byte.toString(16).toUpperCase().padStart(2, '0')).join('');
}

function bytesOf(v6: string): number[] {
  const [head = '', tail] = (v6.split('%')[0] ?? '').split('::');
  const groups = (text: string) =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
  const [first, last] = [groups(head), groups(tail ?? '')];
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - first.length - last.length }, () => 0);
  return [...first, ...zeros, ...last].flatMap((group) => [group >> 8, group & 0xff]);
}
