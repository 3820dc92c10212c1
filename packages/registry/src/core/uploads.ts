import { formatByteSize } from '@deploy-tools/shared/byte-size.js';
import { DeployError, toDeployError } from '@deploy-tools/shared/errors.js';
import type { StagedUpload } from '../layers/byte-store.js';
import type { Upload } from '../meta/meta-store.js';
import { type Registry, timestamp } from './registry.js';

/** How often, in bytes written, the free space is looked at again. */
const SPACE_CHECK_EVERY = 32 * 1024 * 1024;

/** One upload of one operator, from open to close. */
export interface OperatorUpload {
  readonly size: number;
  /** @throws DeployError too-large, no-space: the partial file is gone then, and every later call fails alike. */
  write(data: Buffer, position: number): Promise<void>;
  /** Stores it and makes it known by its hash. */
  seal(): Promise<Upload>;
  discard(): Promise<void>;
}

/** @throws DeployError no-space when the disk is below its reserve already. */
export async function beginUpload(registry: Registry, owner: string): Promise<OperatorUpload> {
  await checkSpace(registry, 0);
  const staged = await registry.bytes.stage();
  return new LimitedUpload(registry, staged, owner);
}

class LimitedUpload implements OperatorUpload {
  readonly #registry: Registry;
  readonly #staged: StagedUpload;
  readonly #owner: string;
  #sinceCheck = 0;
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
    const write = this.#staged.write(data, position); // before any await: hashing needs the order of arrival
    this.#sinceCheck += data.length;
    try {
      if (this.#sinceCheck >= SPACE_CHECK_EVERY) {
        this.#sinceCheck = 0;
        await checkSpace(this.#registry, data.length);
      }
      await write;
    } catch (error) {
      await write.catch(() => undefined); // the first failure is the one to report
      throw await this.#fail(error);
    }
  }

  async seal(): Promise<Upload> {
    if (this.#failure !== undefined) throw this.#failure;
    await this.#staged.prepare();
    // Sealed inside the transaction, as uploads are removed inside transactions: neither can overtake the other.
    const sealed = await this.#registry.meta.write(async (tx) => {
      const { hash, size } = await this.#staged.seal();
      const upload: Upload = { hash, size, owner: this.#owner, created: timestamp(this.#registry) };
      await tx.putUpload(upload);
      return upload;
    });
    this.#registry.indexer.begin(sealed.hash); // ahead of the addver that will come
    return sealed;
  }

  discard(): Promise<void> {
    return this.#staged.discard();
  }

  async #fail(error: unknown): Promise<DeployError> {
    this.#failure ??= toDeployError(error);
    await this.#staged.discard();
    return this.#failure;
  }
}

async function checkSpace(registry: Registry, wanted: number): Promise<void> {
  const free = await registry.bytes.freeBytes();
  if (free - wanted >= registry.limits.minFree) return;
  throw new DeployError(
    'no-space',
    `the registry has ${formatByteSize(free)} of disk left, too little for uploads`,
    {
      hint: 'free some space there; -min-free sets the reserve',
    },
  );
}
