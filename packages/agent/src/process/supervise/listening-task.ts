/** What the listening thread is to open. */
export interface ListeningTask {
  /** Numeric; without a host every address of this machine. */
  readonly addresses: readonly { readonly host?: string; readonly port: number }[];
  /** Connections that may wait to be accepted; the kernel bounds it by net.core.somaxconn. */
  readonly backlog: number;
  /** Not 0 any more, and notified: close. */
  readonly gate: Int32Array<SharedArrayBuffer>;
}

export type ListeningReply =
  | {
      readonly kind: 'listening';
      /** In the order of the task; -1 where this Node.js does not tell the file descriptor. */
      readonly sockets: readonly { readonly fd: number; readonly port: number }[];
    }
  | { readonly kind: 'failed'; readonly index: number; readonly code: string };
