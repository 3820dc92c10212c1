import type { RemoteFile } from '@deploy-tools/shared/client/remote-file.js';
import type { SftpClient } from '@deploy-tools/shared/client/sftp-client.js';

/** Open packs of a session, in which a registry allows 64 open files. */
const MAX_OPEN = 32;

interface OpenPack {
  readonly file: Promise<RemoteFile>;
  readers: number;
}

/** The open packs of one session. A pack is opened when it is first needed. */
export class PackFiles {
  readonly #sftp: SftpClient;
  /** By hash, the last used one last. */
  readonly #open = new Map<string, OpenPack>();

  constructor(sftp: SftpClient) {
    this.#sftp = sftp;
  }

  /** Opens a pack before it is needed. Its readers get the error of opening. */
  prepare(hash: string): void {
    this.#take(hash);
  }

  /** Fills `target` with the bytes of a pack from `offset` on. @throws DeployError not-found, corrupt, connect. */
  async readInto(hash: string, target: Uint8Array, offset: number): Promise<void> {
    const pack = this.#take(hash);
    pack.readers += 1;
    try {
      await (await pack.file).readInto(target, offset);
    } finally {
      pack.readers -= 1;
    }
  }

  /** Closes all packs, when no read is in flight. */
  close(): void {
    for (const hash of [...this.#open.keys()]) this.#close(hash);
  }

  #take(hash: string): OpenPack {
    const pack = this.#open.get(hash) ?? { file: this.#sftp.openFile(`packs/${hash}`), readers: 0 };
    pack.file.catch(() => undefined); // readers get it
    this.#open.delete(hash);
    this.#open.set(hash, pack);
    if (this.#open.size > MAX_OPEN) this.#closeIdle();
    return pack;
  }

  #closeIdle(): void {
    for (const [hash, pack] of this.#open) {
      if (this.#open.size <= MAX_OPEN) return;
      if (pack.readers === 0) this.#close(hash);
    }
  }

  /** Closes a pack without waiting, since it was only read. */
  #close(hash: string): void {
    const pack = this.#open.get(hash);
    this.#open.delete(hash);
    pack?.file.then((file) => file.close()).catch(() => undefined);
  }
}
