import type { Socket } from 'node:net';
import type { Client } from 'ssh2';

export const MESSAGE: {
  readonly IGNORE: number;
  readonly KEXINIT: number;
  readonly GLOBAL_REQUEST: number;
  readonly CHANNEL_CLOSE: number;
};
export function blindKeyExchange(times?: number): Promise<Buffer>;
export function uint32(value: number): Buffer;
export function string(value: string | Buffer): Buffer;
export function message(type: number, ...parts: Buffer[]): Buffer;
export function openSession(number: number, options?: { window?: number; maxPacket?: number }): Buffer;
export function channelRequest(theirs: number, name: string, ...data: Buffer[]): Buffer;
export function channelData(theirs: number, bytes: Buffer): Buffer;

export interface HostileClient {
  readonly socket: Socket;
  readonly client: Client;
  readonly protocol: { rekey(): void; _kexinit: Buffer | undefined };
  readonly closed: Promise<void>;
  readonly isClosed: boolean;
  send(payload: Buffer): void;
  sendTogether(...payloads: Buffer[]): void;
  sendSlowly(payload: Buffer): Promise<boolean>;
  received(type: string): readonly unknown[][];
  until(type: string, count?: number): Promise<boolean>;
  open(
    request: string,
    value: string,
    parameters?: { window?: number; maxPacket?: number },
  ): Promise<number | undefined>;
  destroy(): void;
}

export function hostileClient(options: {
  host: string;
  port: number;
  user?: string;
  keyPath?: string;
  localAddress?: string;
  cipher?: string;
}): Promise<HostileClient>;
