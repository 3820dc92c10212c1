import type { SftpClient } from '@deploy-tools/shared/client/sftp-client.js';

/** SFTP sessions with the registry over one connection. */
export interface Sessions {
  /** For the release alone. */
  readonly first: SftpClient;
  /** Opens another session, since the flow control of one does not fill a long link. The caller ends it. */
  another(): Promise<SftpClient>;
}
