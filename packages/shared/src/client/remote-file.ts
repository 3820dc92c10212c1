import { DeployError } from '../errors.js';

/** What an open handle can be asked; see {@link RemoteFile}. */
export interface HandleRequests {
  /** Most bytes that one request may ask for. */
  maxRead(): number;
  /** One READ. @returns undefined at the end of the file; less than asked for where the server likes. */
  read(offset: number, length: number): Promise<Buffer | undefined>;
  /** Gives back the memory of what `read` gave. */
  release(part: Buffer): void;
  close(): Promise<void>;
}

/** A remote file that stays open for reads at any place, any number of them in flight. */
export class RemoteFile {
  readonly #requests: HandleRequests;
  readonly #path: string;

  constructor(path: string, requests: HandleRequests) {
    this.#path = path;
    this.#requests = requests;
  }

  /**
   * Fills `target` with the bytes from `offset` on, all its requests in flight at once: the caller bounds how much it
   * asks for.
   * @throws DeployError corrupt when the file ends before; connect; what the server says.
   */
  async readInto(target: Uint8Array, offset: number): Promise<void> {
    const most = this.#requests.maxRead();
    const parts: Promise<void>[] = [];
    for (let at = 0; at < target.length; at += most) {
      parts.push(this.#fill(target.subarray(at, at + most), offset + at));
    }
    await Promise.all(parts);
  }

  /** Resolves when the server has confirmed it. What is in flight must have come before. */
  close(): Promise<void> {
    return this.#requests.close();
  }

  async #fill(target: Uint8Array, offset: number): Promise<void> {
    for (let got = 0; got < target.length; ) {
      const part = await this.#requests.read(offset + got, target.length - got);
      if (part === undefined) throw new DeployError('corrupt', `${this.#path} ended before its size`);
      target.set(part, got);
      got += part.length;
      this.#requests.release(part);
    }
  }
}
