import type { SftpClient } from '@deploy-tools/shared/client/sftp-client.js';

export interface OwnSession {
  readonly sftp: SftpClient;
  /** For who needs it no more. */
  end(): void;
}

/** SFTP sessions with the registry over one connection. */
export interface Sessions {
  /** The one that is open anyway. */
  readonly first: SftpClient;
  /** One that nobody else uses, as far as the registry allows it, for what opens many files. */
  own(): Promise<OwnSession>;
  /** Opens one more, with a flow control of its own: one alone does not fill a long link. The caller ends it. */
  another(): Promise<SftpClient>;
}
