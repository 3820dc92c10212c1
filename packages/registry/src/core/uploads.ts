import { formatByteSize } from '@deploy-tools/shared/byte-size.js';
import { DeployError, toDeployError } from '@deploy-tools/shared/errors.js';
import type { ByteStore, StagedUpload } from '../layers/byte-store.js';
import type { MetaStore, Upload } from '../meta/meta-store.js';
import { type Clock, timestamp } from './clock.js';
import type { DiskSpace } from './disk-space.js';
import type { Indexer } from './indexer.js';
import type { RegistryLimits } from './limits.js';
import { WrittenRanges } from './written-ranges.js';

/** The most separate pieces of one upload: enough for 2 GB in packets of 32 kB in the worst order. */
const MAX_PIECES = 16_384;

export interface UploadPorts {
  readonly meta: MetaStore;
  readonly bytes: ByteStore;
  readonly space: DiskSpace;
  readonly indexer: Pick<Indexer, 'begin'>;
  readonly clock: Clock;
  readonly limits: Pick<RegistryLimits, 'maxUpload'>;
}

/** Takes uploads, each within the limits of size and disk space. */
export class Uploads {
  readonly #ports: UploadPorts;

  constructor(ports: UploadPorts) {
    this.#ports = ports;
  }

  /** @param owner fingerprint of a key. @throws DeployError no-space when the disk is below its reserve already. */
  async begin(owner: string): Promise<OperatorUpload> {
    await this.#ports.space.require(0);
    return new OperatorUpload(this.#ports, await this.#ports.bytes.stage(), owner);
  }
}

/** One upload of one operator, from open to close. */
export class OperatorUpload {
  readonly #ports: UploadPorts;
  readonly #staged: StagedUpload;
  readonly #owner: string;
  readonly #written = new WrittenRanges();
  /** Bytes of the holes between written pieces, which the client has still to fill. */
  #owed = 0;
  #failure: DeployError | undefined;

  constructor(ports: UploadPorts, staged: StagedUpload, owner: string) {
    this.#ports = ports;
    this.#staged = staged;
    this.#owner = owner;
  }

  get size(): number {
    return this.#staged.size;
  }

  /** @throws DeployError too-large, no-space: the partial file is removed, and every later call fails alike. */
  async write(data: Buffer, position: number): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const { maxUpload } = this.#ports.limits;
    if (position + data.length > maxUpload) {
      throw await this.#fail(
        new DeployError('too-large', `the upload is larger than ${formatByteSize(maxUpload)}`, {
          hint: '-max-upload of the registry sets the limit',
        }),
      );
    }
    const grown = position + data.length - this.#written.end;
    this.#written.add(position, position + data.length);
    if (this.#written.count > MAX_PIECES) throw await this.#fail(tooScattered());
    const write = this.#staged.write(data, position); // before any await: hashing needs the order of arrival
    const owed = this.#written.end - this.#written.bytes;
    const more = owed - this.#owed;
    this.#owed = owed;
    try {
      await this.#ports.space.write(Math.max(data.length, grown), more);
      await write;
    } catch (error) {
      await write.catch(() => undefined); // the first failure is the one to report
      throw await this.#fail(error);
    }
  }

  /**
   * Stores the upload under its hash.
   * @param signal stops reading the file again, which takes long and is necessary when it was not written in order.
   * @throws DeployError invalid when some of its bytes were never written; cancelled. The partial file is removed then.
   */
  async seal(signal: AbortSignal): Promise<Upload> {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      refuseHole(this.#written);
      await this.#staged.prepare(signal);
      const sealed = await this.#record();
      this.#settle();
      this.#ports.indexer.begin(sealed.hash); // so that the index is ready when addver needs it
      return sealed;
    } catch (error) {
      throw await this.#fail(error);
    }
  }

  /** Seals inside a transaction, because uploads are removed inside transactions too: neither can overtake the other. */
  #record(): Promise<Upload> {
    return this.#ports.meta.write(async (tx) => {
      const { hash, size } = await this.#staged.seal();
      const upload: Upload = { hash, size, owner: this.#owner, created: timestamp(this.#ports.clock) };
      await tx.putUpload(upload);
      return upload;
    });
  }

  async discard(): Promise<void> {
    this.#settle();
    await this.#staged.discard();
  }

  #settle(): void {
    this.#ports.space.settle(this.#owed);
    this.#owed = 0;
  }

  async #fail(error: unknown): Promise<DeployError> {
    this.#failure ??= toDeployError(error);
    await this.discard();
    return this.#failure;
  }
}

/** Refuses an upload with a hole: it costs the client nothing, and the registry hashes all its zeros. */
function refuseHole(written: WrittenRanges): void {
  const hole = written.firstHole;
  if (hole === undefined) return;
  throw new DeployError(
    'invalid',
    `the upload has a hole: its bytes ${hole.start} to ${hole.end - 1} were never written`,
    { hint: 'upload the whole file' },
  );
}

function tooScattered(): DeployError {
  return new DeployError(
    'too-large',
    `the upload was written out of order, in more than ${MAX_PIECES} pieces`,
    {
      hint: 'write it in order, or nearly so',
    },
  );
}
