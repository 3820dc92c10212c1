import { describeError, isDeployError } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { LayerFiles, VerifiedLayer } from '../ingest/layer-port.js';
import type { DerivedKind } from '../layers/derived-store.js';
import type { Digester } from '../layers/digester.js';
import type { IndexedArchive } from '../meta/meta-store.js';
import { findUnnamed } from './derived-housekeeping.js';
import type { Finding, Problem } from './fsck-problems.js';
import { type RepairPorts, repairProblem } from './fsck-repair.js';
import { filesOf } from './index-archive.js';

/** Reads a manifest and its pack, and compares every digest: see ingest/layer-tasks.ts. */
export type VerifyLayer = (files: LayerFiles, signal: AbortSignal) => Promise<VerifiedLayer>;

export interface FsckPorts extends RepairPorts {
  readonly openDigester: () => Digester;
  readonly verify: VerifyLayer;
  readonly log: Logger;
  /** Aborted when the registry stops and the grace period is over. */
  readonly stopping: AbortSignal;
}

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

/** Checks the stored files, and repairs them where it can. */
export class Fsck {
  readonly #ports: FsckPorts;

  constructor(ports: FsckPorts) {
    this.#ports = ports;
  }

  /**
   * Reads every named archive, upload, manifest and pack, and compares it with its hash, while the registry runs. A file that
   * changes meanwhile is not reported.
   */
  async run({ repair }: { readonly repair: boolean }): Promise<FsckReport> {
    const digester = this.#ports.openDigester();
    try {
      const run = new FsckRun(this.#ports, digester, repair);
      await run.checkAll();
      return { checked: run.checked, findings: run.findings };
    } finally {
      await digester.close();
    }
  }
}

class FsckRun {
  readonly #ports: FsckPorts;
  readonly #digester: Digester;
  readonly #repair: boolean;
  /** Uploads whose content matches their hash. */
  readonly #goodUploads = new Set<string>();
  readonly findings: Finding[] = [];
  readonly checked = { archive: none(), upload: none(), manifest: none(), pack: none() };

  constructor(ports: FsckPorts, digester: Digester, repair: boolean) {
    this.#ports = ports;
    this.#digester = digester;
    this.#repair = repair;
  }

  async checkAll(): Promise<void> {
    const { uploads, named } = await this.#ports.meta.read(async (tx) => ({
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
    else if (await this.#ports.meta.read((tx) => tx.hasUpload(hash))) {
      await this.#report(`upload ${state}`, { hash });
    }
  }

  async #checkArchive(hash: string): Promise<void> {
    const { meta } = this.#ports;
    const state = await this.#examineStored('archive', hash);
    if (!(await meta.read((tx) => tx.isArchiveUsed(hash)))) return;
    const good = state === 'good' || (await this.#report(`archive ${state}`, { hash }));
    const index = await meta.read((tx) => tx.index(hash));
    if (index?.kind === 'indexed') await this.#checkDerived(index);
    else if (good && index === undefined) await this.#report('not indexed', { hash });
    else if (good && index !== undefined)
      await this.#report('not indexable', { hash, detail: index.reason.message });
  }

  /** Checks a manifest and its pack. They are made together, so one repair is enough. */
  async #checkDerived(index: IndexedArchive): Promise<void> {
    const { derived, meta } = this.#ports;
    let good = true;
    for (const kind of ['manifest', 'pack'] as const) {
      const { hash } = index[kind];
      const state = await this.#examine(kind, hash, derived.locate(kind, hash));
      if (state === 'good' || !(await meta.read((tx) => tx.isIndexFileUsed(hash)))) continue;
      good = false;
      if (await this.#report(`${kind} ${state}`, { hash, archive: index.archive.hash })) return;
    }
    const mismatch = good ? await this.#mismatch(index) : undefined;
    const { hash } = index.manifest;
    if (mismatch === undefined || !(await meta.read((tx) => tx.isIndexFileUsed(hash)))) return;
    await this.#report('manifest damaged', { hash, archive: index.archive.hash, detail: mismatch });
  }

  /** The contradiction between a manifest, its pack and the index, where each file matches its hash. */
  async #mismatch(index: IndexedArchive): Promise<string | undefined> {
    const { derived, verify, stopping } = this.#ports;
    try {
      const found = await verify(filesOf(derived, index), stopping);
      if (found.archive.hash !== index.archive.hash) return `it names the archive ${found.archive.hash}`;
      return found.pack.hash === index.pack.hash ? undefined : `it names the pack ${found.pack.hash}`;
    } catch (error) {
      if (isDeployError(error, 'cancelled')) throw error;
      return describeError(error);
    }
  }

  async #findUnnamed(named: ReadonlySet<string>): Promise<void> {
    const { bytes, meta } = this.#ports;
    const archives = (await bytes.archives()).filter(({ hash }) => !named.has(hash));
    const derived = await findUnnamed(this.#ports, await meta.read((tx) => tx.indexes()));
    for (const { hash } of [...archives, ...derived]) {
      const used = await meta.read(
        async (tx) => (await tx.isArchiveUsed(hash)) || (await tx.isIndexFileUsed(hash)),
      );
      if (!used) await this.#report('nothing names it', { hash });
    }
  }

  async #examineStored(place: 'archive' | 'upload', hash: string): Promise<State> {
    const located = await this.#ports.bytes.locate(place, hash);
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
      this.#ports.log.warn({ path, err: describeError(error) }, 'fsck cannot read a file');
      return 'damaged';
    }
  }

  /**
   * Adds a finding, after an attempt to repair it where `repair` is set.
   * @param about with `archive` where the hash is of a manifest or a pack.
   * @returns whether the problem is repaired.
   */
  async #report(
    problem: Problem,
    about: { readonly hash: string; readonly archive?: string; readonly detail?: string },
  ): Promise<boolean> {
    const { hash, archive = hash, detail } = about;
    const users = await this.#ports.meta.read((tx) => tx.archiveUsers(archive));
    const finding: Finding = { problem, hash, ...users, detail };
    if (!this.#repair) {
      this.findings.push(finding);
      return false;
    }
    const hasGoodUpload = this.#goodUploads.has(hash);
    const failure = await repairProblem(this.#ports, problem, { hash, archive, hasGoodUpload });
    this.findings.push({ ...finding, repair: { failure } });
    return failure === undefined;
  }
}

function none(): Checked {
  return { files: 0, bytes: 0 };
}
