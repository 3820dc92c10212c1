import { formatByteSize } from '@deploy-tools/shared/byte-size.js';
import { DeployError, toDeployError } from '@deploy-tools/shared/errors.js';
import type { StagedUpload } from '../layers/byte-store.js';
import type { Upload } from '../meta/meta-store.js';
import { type Registry, timestamp } from './registry.js';
import { WrittenRanges } from './written-ranges.js';

/** Pieces of one upload that do not touch: enough for 2 GB in packets of 32 kB, written in the worst order. */
const MAX_PIECES = 16_384;

/** One upload of one operator, from open to close. */
export interface OperatorUpload {
  readonly size: number;
  /** @throws DeployError too-large, no-space: the partial file is gone then, and every later call fails alike. */
  write(data: Buffer, position: number): Promise<void>;
  /**
   * Stores it and makes it known by its hash.
   * @param signal stops what takes long: reading again what was not written in order.
   * @throws DeployError invalid when bytes of it were never written; cancelled; the partial file is gone then.
   */
  seal(signal: AbortSignal): Promise<Upload>;
  discard(): Promise<void>;
}

/** @throws DeployError no-space when the disk is below its reserve already. */
export async function beginUpload(registry: Registry, owner: string): Promise<OperatorUpload> {
  await registry.space.require(0);
  const staged = await registry.bytes.stage();
  return new LimitedUpload(registry, staged, owner);
}

class LimitedUpload implements OperatorUpload {
  readonly #registry: Registry;
  readonly #staged: StagedUpload;
  readonly #owner: string;
  readonly #written = new WrittenRanges();
  /** Of its holes, which it has still to fill. */
  #owed = 0;
  #failure: DeployError | undefined;

  constructor(registry: Registry, staged: StagedUpload, owner: string) {
    this.#registry = registry;
    this.#staged = staged;
    this.#owner = owner;
  }

  get size(): number {
    return this.#staged.size;
  }

  async write(data: Buffer, position: number): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const { maxUpload } = this.#registry.limits;
    if (position + data.length > maxUpload) {
      throw await this.#fail(
        new DeployError('too-large', `the upload is larger than ${formatByteSize(maxUpload)}`, {
          hint: 'the registry was started with this -max-upload',
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
      await this.#registry.space.write(Math.max(data.length, grown), more);
      await write;
    } catch (error) {
      await write.catch(() => undefined); // the first failure is the one to report
      throw await this.#fail(error);
    }
  }

  async seal(signal: AbortSignal): Promise<Upload> {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      refuseHole(this.#written);
      await this.#staged.prepare(signal);
      const sealed = await this.#record();
      this.#settle();
      this.#registry.indexer.begin(sealed.hash); // ahead of the addver that will come
      return sealed;
    } catch (error) {
      throw await this.#fail(error);
    }
  }

  /** Sealed inside the transaction, as uploads are removed inside transactions: neither can overtake the other. */
  #record(): Promise<Upload> {
    return this.#registry.meta.write(async (tx) => {
      const { hash, size } = await this.#staged.seal();
      const upload: Upload = { hash, size, owner: this.#owner, created: timestamp(this.#registry) };
      await tx.putUpload(upload);
      return upload;
    });
  }

  async discard(): Promise<void> {
    this.#settle();
    await this.#staged.discard();
  }

  #settle(): void {
    this.#registry.space.settle(this.#owed);
    this.#owed = 0;
  }

  async #fail(error: unknown): Promise<DeployError> {
    this.#failure ??= toDeployError(error);
    await this.discard();
    return this.#failure;
  }
}

/** A hole costs the client nothing, and us the hashing of all its zeros. */
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
  return new DeployError('too-large', `the upload is in more than ${MAX_PIECES} pieces`, {
    hint: 'write it in order, or nearly so',
  });
}
