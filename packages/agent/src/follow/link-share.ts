import type { SftpClient } from '@deploy-tools/shared/client/sftp-client.js';
import { type ErrorKind, isDeployError } from '@deploy-tools/shared/errors.js';
import type { OwnSession } from '../release/fetch/sessions.js';
import type { Link, RegistryLink } from './registry-link.js';

/**
 * One configuration's part of a connection that several use, and of its session: a registry bounds the channels of a
 * connection. What is wrong with the configuration alone does not end it.
 */
export class LinkShare implements Link {
  readonly #link: RegistryLink;
  #session: SftpClient | undefined;

  constructor(link: RegistryLink) {
    this.#link = link;
  }

  async sftp(): Promise<SftpClient> {
    this.#session = await this.#link.sftp();
    return this.#session;
  }

  /** Registries bound the open files of a session. Where one refuses a further session, the shared one has to do. */
  async own(): Promise<OwnSession> {
    await this.sftp();
    try {
      const own = await this.#link.another();
      return { sftp: own, end: () => own.end() };
    } catch (error) {
      if (!isDeployError(error, 'unsupported')) throw error;
      return { sftp: await this.sftp(), end: () => {} };
    }
  }

  async another(): Promise<SftpClient> {
    return await this.#link.another();
  }

  close(why: ErrorKind): void {
    if (why === 'connect' || why === 'auth') this.#link.drop(this.#session);
  }
}
