import { DeployError } from '../errors.js';

/** The requests on an open handle, for {@link RemoteFile}. */
export interface HandleRequests {
  /** The most bytes of one request. */
  maxRead(): number;
  /** One READ. @returns undefined at the end of the file. The server may return fewer bytes than requested. */
  read(offset: number, length: number): Promise<Buffer | undefined>;
  /** Gives back the memory of a result of `read`. */
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
   * Fills `target` with the bytes from `offset` on. All requests are in flight at once, so the caller bounds the length.
   * @throws DeployError corrupt when the file is too short; connect; the server's error.
   */
  async readInto(target: Uint8Array, offset: number): Promise<void> {
    const most = this.#requests.maxRead();
    const parts: Promise<void>[] = [];
    for (let at = 0; at < target.length; at += most) {
      parts.push(this.#fill(target.subarray(at, at + most), offset + at));
    }
    await Promise.all(parts);
  }

  /** Closes the file; resolves when the server has confirmed it. No read may be in flight. */
  close(): Promise<void> {
    return this.#requests.close();
  }

  async #fill(target: Uint8Array, offset: number): Promise<void> {
    for (let got = 0; got < target.length; ) {
      const part = await this.#requests.read(offset + got, target.length - got);
      if (part === undefined)
        throw new DeployError('corrupt', `${this.#path} is shorter than its stated size`);
      target.set(part, got);
      got += part.length;
      this.#requests.release(part);
    }
  }
}
