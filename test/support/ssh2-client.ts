import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import ssh2, { type ClientChannel } from 'ssh2';
import type { Target } from './open-ssh.js';
import type { Scope } from './scope.js';
import type { SshKey } from './ssh-key.js';

/** A client whose socket and windows a test holds in its own hands. */
export interface Ssh2Client {
  readonly socket: Socket;
  /** Opens a channel for SFTP and lets the server send `window` bytes more than ssh2 would. */
  openSftp(window: number): Promise<ClientChannel>;
  /** Begins a command: resolves when the server has taken it on. */
  openExec(line: string): Promise<ClientChannel>;
  /** Opens a console, with a terminal or without. */
  openShell(terminal?: boolean): Promise<ClientChannel>;
}

/** Connects and authenticates; ended with the scope. */
export async function ssh2Client(
  scope: Scope,
  target: Target,
  user: string,
  key: SshKey,
): Promise<Ssh2Client> {
  const socket = connect(target);
  const client = new ssh2.Client();
  await new Promise<void>((resolve, reject) => {
    client.once('ready', resolve).on('error', reject); // after that, the test looks at the server
    client.connect({ sock: socket, username: user, privateKey: readFileSync(key.path) });
  });
  scope.defer(() => void socket.destroy());
  return {
    socket,
    openSftp: (window) => openSftp(client, window),
    openExec: (line) => openExec(client, line),
    openShell: (terminal = false) => openShell(client, terminal),
  };
}

function openSftp(client: ssh2.Client, window: number): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    client.subsys('sftp', (error, channel) => {
      if (error !== undefined) {
        reject(error);
        return;
      }
      if (window > 0) widen(channel, window);
      resolve(channel);
    });
  });
}

function openExec(client: ssh2.Client, line: string): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    client.exec(line, (error, channel) => (error === undefined ? resolve(channel) : reject(error)));
  });
}

function openShell(client: ssh2.Client, terminal: boolean): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    client.shell(terminal ? {} : false, (error, channel) => {
      if (error !== undefined) reject(error);
      else resolve(channel);
    });
  });
}

/** ssh2 offers 2 MiB; more can only be said through its protocol object (ssh2 1.17, lib/protocol/Protocol.js). */
function widen(channel: ClientChannel, window: number): void {
  const inside = channel as unknown as {
    readonly _client: { readonly _protocol: { channelWindowAdjust(channel: number, amount: number): void } };
    readonly outgoing: { readonly id: number };
  };
  inside._client._protocol.channelWindowAdjust(inside.outgoing.id, window);
}
