import type { SftpClient } from '@deploy-tools/shared/client/sftp-client.js';

/** SFTP sessions with the registry over one connection. */
export interface Sessions {
  /** For everything that opens files; nobody else uses it. */
  readonly first: SftpClient;
  /** Opens one more, with a flow control of its own: one alone does not fill a long link. The caller ends it. */
  another(): Promise<SftpClient>;
}
