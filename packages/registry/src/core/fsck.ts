import { describeError, isDeployError } from '@deploy-tools/shared/errors.js';
import type { DerivedKind } from '../layers/derived-store.js';
import type { Digester } from '../layers/digester.js';
import type { ArchiveIndex, IndexedArchive } from '../meta/meta-store.js';
import { findUnnamed } from './derived-housekeeping.js';
import type { Finding, Problem } from './fsck-problems.js';
import { repairProblem } from './fsck-repair.js';
import type { Registry } from './registry.js';

export interface FsckReport {
  readonly checked: Readonly<Record<FileKind, Checked>>;
  readonly findings: readonly Finding[];
}

export interface Checked {
  readonly files: number;
  readonly bytes: number;
}

type State = 'good' | 'missing' | 'damaged';
type FileKind = 'archive' | 'upload' | DerivedKind;

/**
 * Reads every archive, upload, manifest and pack that is named and compares it with its hash, while the registry runs.
 * What changes meanwhile is left out rather than reported wrongly.
 */
export async function fsck(registry: Registry, options: { readonly repair: boolean }): Promise<FsckReport> {
  const digester = registry.openDigester();
  try {
    const run = new FsckRun(registry, digester, options.repair);
    await run.checkAll();
    return { checked: run.checked, findings: run.findings };
  } finally {
    await digester.close();
  }
}

class FsckRun {
  readonly #registry: Registry;
  readonly #digester: Digester;
  readonly #repair: boolean;
  /** Uploads that are what their hash says. */
  readonly #goodUploads = new Set<string>();
  readonly findings: Finding[] = [];
  readonly checked = { archive: none(), upload: none(), manifest: none(), pack: none() };

  constructor(registry: Registry, digester: Digester, repair: boolean) {
    this.#registry = registry;
    this.#digester = digester;
    this.#repair = repair;
  }

  async checkAll(): Promise<void> {
    const { uploads, named } = await this.#registry.meta.read(async (tx) => ({
      uploads: new Set((await tx.uploads()).map(({ hash }) => hash)),
      named: await tx.archivesByUse(),
    }));
    for (const hash of uploads) await this.#checkUpload(hash);
    for (const hash of named) await this.#checkArchive(hash);
    await this.#findUnnamed(new Set([...named, ...uploads]));
  }

  async #checkUpload(hash: string): Promise<void> {
    const state = await this.#examineStored('upload', hash);
    if (state === 'good') this.#goodUploads.add(hash);
    else if (await this.#registry.meta.read((tx) => tx.hasUpload(hash))) {
      await this.#found(`upload ${state}`, hash, hash);
    }
  }

  async #checkArchive(hash: string): Promise<void> {
    const { meta } = this.#registry;
    const state = await this.#examineStored('archive', hash);
    if (!(await meta.read((tx) => tx.isArchiveUsed(hash)))) return;
    const good = state === 'good' || (await this.#found(`archive ${state}`, hash, hash));
    const index = await meta.read((tx) => tx.index(hash));
    if (index?.kind === 'indexed') await this.#checkDerived(index);
    else if (good) await this.#checkUnindexed(hash, index);
  }

  async #checkUnindexed(hash: string, index: ArchiveIndex | undefined): Promise<void> {
    if (index === undefined) await this.#found('not indexed', hash, hash);
    else if (index.kind === 'refused') await this.#found('not indexable', hash, hash, index.reason.message);
  }

  /** Both are made at once: one repair is enough. */
  async #checkDerived(index: IndexedArchive): Promise<void> {
    const { derived, meta } = this.#registry;
    let good = true;
    for (const kind of ['manifest', 'pack'] as const) {
      const { hash } = index[kind];
      const state = await this.#examine(kind, hash, derived.locate(kind, hash));
      if (state === 'good' || !(await meta.read((tx) => tx.isIndexFileUsed(hash)))) continue;
      good = false;
      if (await this.#found(`${kind} ${state}`, hash, index.archive.hash)) return;
    }
    const mismatch = good ? await this.#mismatch(index) : undefined;
    const { hash } = index.manifest;
    if (mismatch === undefined || !(await meta.read((tx) => tx.isIndexFileUsed(hash)))) return;
    await this.#found('manifest damaged', hash, index.archive.hash, mismatch);
  }

  /** What a manifest, its pack and the index say differently, though each is what its hash says. */
  async #mismatch(index: IndexedArchive): Promise<string | undefined> {
    const { derived, verify, stopping } = this.#registry;
    const files = {
      manifest: derived.locate('manifest', index.manifest.hash),
      pack: derived.locate('pack', index.pack.hash),
    };
    try {
      const found = await verify(files, stopping);
      if (found.archive.hash !== index.archive.hash) return `it tells of the archive ${found.archive.hash}`;
      return found.pack.hash === index.pack.hash ? undefined : `it tells of the pack ${found.pack.hash}`;
    } catch (error) {
      if (isDeployError(error, 'cancelled')) throw error;
      return describeError(error);
    }
  }

  async #findUnnamed(named: ReadonlySet<string>): Promise<void> {
    const { bytes, meta } = this.#registry;
    const archives = (await bytes.archives()).filter(({ hash }) => !named.has(hash));
    const derived = await findUnnamed(this.#registry, await meta.read((tx) => tx.indexes()));
    for (const { hash } of [...archives, ...derived]) {
      const used = await meta.read(
        async (tx) => (await tx.isArchiveUsed(hash)) || (await tx.isIndexFileUsed(hash)),
      );
      if (!used) await this.#found('nothing names it', hash, hash);
    }
  }

  async #examineStored(place: 'archive' | 'upload', hash: string): Promise<State> {
    const located = await this.#registry.bytes.locate(place, hash);
    return located === undefined ? 'missing' : this.#examine(place, hash, located.path);
  }

  async #examine(kind: FileKind, hash: string, path: string): Promise<State> {
    try {
      const found = await this.#digester.digest(path);
      const { files, bytes } = this.checked[kind];
      this.checked[kind] = { files: files + 1, bytes: bytes + found.size };
      return found.hash === hash ? 'good' : 'damaged';
    } catch (error) {
      if (isDeployError(error, 'not-found')) return 'missing';
      if (isDeployError(error, 'cancelled')) throw error;
      this.#registry.log.warn({ path, err: describeError(error) }, 'fsck cannot read a file');
      return 'damaged';
    }
  }

  /** @returns whether it is repaired. */
  async #found(problem: Problem, hash: string, archive: string, detail?: string): Promise<boolean> {
    const users = await this.#registry.meta.read((tx) => tx.archiveUsers(archive));
    const finding: Finding = { problem, hash, ...users, ...(detail === undefined ? {} : { detail }) };
    if (!this.#repair) {
      this.findings.push(finding);
      return false;
    }
    const failure = await repairProblem(this.#registry, problem, { hash, archive }, this.#goodUploads);
    this.findings.push({ ...finding, repair: { failure } });
    return failure === undefined;
  }
}

function none(): Checked {
  return { files: 0, bytes: 0 };
}
