import { setImmediate } from 'node:timers/promises';
import { encodeConfigJson, toAgentConfig } from '@deploy-tools/shared/config-json.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { Configuration } from '@deploy-tools/shared/model.js';
import { type Attrs, OPEN_FLAG } from '@deploy-tools/shared/sftp/protocol.js';
import { type Access, isReadableFile, requireReadable } from '../core/access.js';
import type { Clock } from '../core/clock.js';
import { requireConfiguration } from '../core/configurations.js';
import type { ByteStore } from '../layers/byte-store.js';
import type { DerivedStore } from '../layers/derived-store.js';
import type { StoredFile, StoredFileInfo } from '../layers/stored-file.js';
import type { LayerFileKind, MetaReader, MetaStore } from '../meta/meta-store.js';
import { directoryAttrs, fileAttrs } from './listing.js';
import type { ListedFile, SftpFile, SftpFiles, TransferCounter } from './sftp-files.js';

/** The directories of files that are named by their hash. */
const BLOBS = { files: 'archive', manifests: 'manifest', packs: 'pack' } as const satisfies Record<
  string,
  LayerFileKind
>;

/** Files whose access is checked in one transaction; other work runs before the next one. */
const COMPARED_AT_ONCE = 100;

type Node =
  | { readonly kind: 'root' | 'configs' }
  | { readonly kind: 'config'; readonly name: string }
  | { readonly kind: 'blobs'; readonly of: LayerFileKind }
  | (Blob & { readonly kind: 'blob' });

interface Blob {
  readonly of: LayerFileKind;
  readonly hash: string;
}

export interface AgentTreePorts {
  readonly meta: Pick<MetaStore, 'read'>;
  readonly bytes: Pick<ByteStore, 'stat' | 'open' | 'archives'>;
  readonly derived: Pick<DerivedStore, 'stat' | 'open' | 'list'>;
  readonly clock: Clock;
}

/** One agent's session. */
export interface AgentView {
  readonly access: Access;
  readonly log: Logger;
  readonly transfers: TransferCounter;
}

/**
 * The agents' tree: `/configs/NAME.json`, `/files/HASH`, `/manifests/DIGEST` and `/packs/HASH`, read only. A path is
 * matched against these forms and never becomes a path on disk. Files that the key may not read are not listed. Such a
 * configuration is refused, whether it exists or not; any other such file appears not to exist.
 */
export class AgentTree implements SftpFiles {
  readonly #ports: AgentTreePorts;
  readonly #view: AgentView;

  constructor(ports: AgentTreePorts, view: AgentView) {
    this.#ports = ports;
    this.#view = view;
  }

  async open(path: string, flags: number): Promise<SftpFile> {
    if ((flags & ~OPEN_FLAG.READ) !== 0 || flags === 0) throw readOnly();
    const node = await this.#readableNode(path);
    if (node.kind === 'config') return this.#openConfig(node.name);
    if (node.kind === 'blob') return this.#openBlob(node);
    throw new DeployError('invalid', `${path} is a directory`);
  }

  async stat(path: string): Promise<Attrs> {
    const node = await this.#readableNode(path);
    if (node.kind === 'config') return (await this.#openConfig(node.name)).stat();
    if (node.kind !== 'blob') return directoryAttrs(0o555, this.#now());
    const { of, hash } = node;
    const { bytes, derived } = this.#ports;
    const info = await (of === 'archive' ? bytes.stat(hash) : derived.stat(of, hash));
    if (info === undefined) throw noBlob(node);
    return fileAttrs(0o444, info.size, info.mtime);
  }

  async list(path: string): Promise<ListedFile[]> {
    const node = await this.#readableNode(path);
    if (node.kind === 'root') {
      const attrs = directoryAttrs(0o555, this.#now());
      return ['configs', ...Object.keys(BLOBS)].map((filename) => ({ filename, attrs }));
    }
    if (node.kind === 'configs') return this.#listConfigs();
    if (node.kind !== 'blobs') throw new DeployError('invalid', `${path} is not a directory`);
    const infos = await this.#readableBlobs(node.of);
    return infos.map(({ hash, size, mtime }) => ({ filename: hash, attrs: fileAttrs(0o444, size, mtime) }));
  }

  async setStat(): Promise<void> {
    throw readOnly();
  }

  async rename(): Promise<void> {
    throw readOnly();
  }

  /** @throws DeployError denied or not-found when the key may not read the node. */
  async #readableNode(path: string): Promise<Node> {
    const { access } = this.#view;
    const node = parsePath(path);
    if (node.kind === 'config') requireReadable(access, node.name);
    if (node.kind !== 'blob' || access.patterns === undefined) return node;
    if (!(await this.#ports.meta.read((tx) => isReadableFile(tx, access, node)))) throw noBlob(node);
    return node;
  }

  async #readableBlobs(of: LayerFileKind): Promise<readonly StoredFileInfo[]> {
    const { access } = this.#view;
    const { meta, bytes, derived } = this.#ports;
    const all = await (of === 'archive' ? bytes.archives() : derived.list(of));
    if (access.patterns === undefined) return all;
    const readable: StoredFileInfo[] = [];
    for (let at = 0; at < all.length; at += COMPARED_AT_ONCE) {
      if (at > 0) await setImmediate();
      await meta.read(async (tx) => {
        for (const info of all.slice(at, at + COMPARED_AT_ONCE)) {
          if (await isReadableFile(tx, access, { of, hash: info.hash })) readable.push(info);
        }
      });
    }
    return readable;
  }

  async #listConfigs(): Promise<ListedFile[]> {
    const { mayRead } = this.#view.access;
    const names = (await this.#ports.meta.read((tx) => tx.configurations())).filter(mayRead);
    const entries: ListedFile[] = [];
    for (const name of names)
      entries.push({ filename: `${name}.json`, attrs: (await this.#openConfig(name)).stat() });
    return entries;
  }

  /** Opens the present configuration; the reader does not see later changes. */
  async #openConfig(name: string): Promise<SftpFile> {
    const { configuration, manifests } = await this.#ports.meta.read((tx) => readConfiguration(tx, name));
    const agentConfig = toAgentConfig(configuration, (archive) => manifests.get(archive));
    const content = Buffer.from(encodeConfigJson(agentConfig));
    const mtime = Math.floor(Date.parse(configuration.mtime) / 1000);
    return {
      read: async (target, offset) => (offset >= content.length ? 0 : content.copy(target, 0, offset)),
      stat: () => fileAttrs(0o444, content.length, mtime),
      close: async () => {},
      abandon: async () => {},
    };
  }

  async #openBlob({ of, hash }: Blob): Promise<SftpFile> {
    const { bytes, derived } = this.#ports;
    const file: StoredFile = await (of === 'archive' ? bytes.open(hash) : derived.open(of, hash));
    const { log, transfers } = this.#view;
    const endTransfer = transfers.begin();
    const started = performance.now();
    let sent = 0;
    const close = async () => {
      const ms = Math.round(performance.now() - started);
      log.info({ file: hash, of, bytes: sent, ms }, 'download ended');
      endTransfer();
      await file.close();
    };
    return {
      read: async (target, offset) => {
        const got = await file.read(target, offset);
        sent += got;
        return got;
      },
      stat: () => fileAttrs(0o444, file.size, file.mtime),
      close,
      abandon: close,
    };
  }

  #now(): number {
    return Math.floor(this.#ports.clock().getTime() / 1000);
  }
}

function parsePath(path: string): Node {
  if (path === '/') return { kind: 'root' };
  if (path === '/configs') return { kind: 'configs' };
  const config = /^\/configs\/([^/]+)\.json$/.exec(path)?.[1];
  if (config !== undefined) return { kind: 'config', name: config };
  const [, directory = '', hash] = /^\/([a-z]+)(?:\/([0-9a-f]{64}))?$/.exec(path) ?? [];
  if (!isBlobs(directory)) throw new DeployError('not-found', `no such file: ${path}`);
  const of = BLOBS[directory];
  return hash === undefined ? { kind: 'blobs', of } : { kind: 'blob', of, hash };
}

function isBlobs(directory: string): directory is keyof typeof BLOBS {
  return Object.hasOwn(BLOBS, directory);
}

/** Reads a configuration, and the manifests of its archives by the archive's hash. */
async function readConfiguration(
  tx: MetaReader,
  name: string,
): Promise<{ configuration: Configuration; manifests: ReadonlyMap<string, string> }> {
  const configuration = await requireConfiguration(tx, name);
  const manifests = new Map<string, string>();
  for (const { hash } of configuration.layers) {
    const index = await tx.index(hash);
    if (index?.kind === 'indexed') manifests.set(hash, index.manifest.hash);
  }
  return { configuration, manifests };
}

function readOnly(): DeployError {
  return new DeployError('denied', 'agents may only read');
}

function noBlob({ of, hash }: Blob): DeployError {
  return new DeployError('not-found', `no ${of} ${hash}`);
}
