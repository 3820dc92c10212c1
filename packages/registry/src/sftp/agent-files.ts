import { setImmediate } from 'node:timers/promises';
import { encodeConfigJson, toAgentConfig } from '@deploy-tools/shared/config-json.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { Configuration } from '@deploy-tools/shared/model.js';
import { type Attrs, OPEN_FLAG } from '@deploy-tools/shared/sftp/protocol.js';
import { type Access, isReadableFile, requireReadable } from '../core/access.js';
import { requireConfiguration } from '../core/configurations.js';
import type { Registry } from '../core/registry.js';
import type { StoredFileInfo } from '../layers/stored-file.js';
import type { LayerFileKind, MetaReader } from '../meta/meta-store.js';
import { directoryAttrs, fileAttrs } from './listing.js';
import type { ListedFile, SftpFile, SftpFiles, TransferCounter } from './sftp-files.js';

/** The directories of files that are named by their hash. */
const BLOBS = { files: 'archive', manifests: 'manifest', packs: 'pack' } as const satisfies Record<
  string,
  LayerFileKind
>;

/** How many files of a list are compared with what the key may read before others get their turn. */
const COMPARED_AT_ONCE = 100;

type Node =
  | { readonly kind: 'root' | 'configs' }
  | { readonly kind: 'config'; readonly name: string }
  | { readonly kind: 'blobs'; readonly of: LayerFileKind }
  | { readonly kind: 'blob'; readonly of: LayerFileKind; readonly hash: string };

/** Whose tree it is, and what counts and logs what is read from it. */
export interface AgentView {
  readonly access: Access;
  readonly log: Logger;
  readonly transfers: TransferCounter;
}

/**
 * The agents' tree: `/configs/NAME.json`, `/files/HASH`, `/manifests/DIGEST` and `/packs/HASH`, read only. A path is
 * matched against these forms and never becomes a path on disk. What the key may not read is not listed: a configuration
 * is refused, whether there is one or not, and a file is as one that does not exist.
 */
export function agentFiles(registry: Registry, view: AgentView): SftpFiles {
  const { access } = view;
  const readOnly = async () => {
    throw new DeployError('denied', 'agents may only read');
  };
  /** The node, once it is known that the key may read it. */
  const readable = async (path: string): Promise<Node> => {
    const node = parsePath(path);
    if (node.kind === 'config') requireReadable(access, node.name);
    if (node.kind === 'blob') await requireReadableFile(registry, access, node.of, node.hash);
    return node;
  };
  return {
    open: async (path, flags) => {
      if ((flags & ~OPEN_FLAG.READ) !== 0 || flags === 0) await readOnly();
      const node = await readable(path);
      if (node.kind === 'config') return openConfig(registry, node.name);
      if (node.kind === 'blob') return openBlob(registry, node.of, node.hash, view);
      throw new DeployError('invalid', `${path} is a directory`);
    },
    stat: async (path) => statNode(registry, await readable(path)),
    list: async (path) => listDirectory(registry, access, await readable(path), path),
    setStat: readOnly,
    rename: readOnly,
  };
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

async function statNode(registry: Registry, node: Node): Promise<Attrs> {
  if (node.kind === 'config') return (await openConfig(registry, node.name)).stat();
  if (node.kind !== 'blob') return directoryAttrs(0o555, now(registry));
  const { of, hash } = node;
  const info = await (of === 'archive' ? registry.bytes.stat(hash) : registry.derived.stat(of, hash));
  if (info === undefined) throw new DeployError('not-found', `no ${of} ${hash}`);
  return fileAttrs(0o444, info.size, info.mtime);
}

async function requireReadableFile(
  registry: Registry,
  access: Access,
  of: LayerFileKind,
  hash: string,
): Promise<void> {
  if (access.patterns === undefined) return;
  if (await registry.meta.read((tx) => isReadableFile(access, tx, of, hash))) return;
  throw new DeployError('not-found', `no ${of} ${hash}`);
}

async function listDirectory(
  registry: Registry,
  access: Access,
  node: Node,
  path: string,
): Promise<ListedFile[]> {
  if (node.kind === 'root') {
    const attrs = directoryAttrs(0o555, now(registry));
    return ['configs', ...Object.keys(BLOBS)].map((filename) => ({ filename, attrs }));
  }
  if (node.kind === 'configs') return listConfigs(registry, access);
  if (node.kind !== 'blobs') throw new DeployError('invalid', `${path} is not a directory`);
  const { of } = node;
  const all = await (of === 'archive' ? registry.bytes.archives() : registry.derived.list(of));
  const infos = access.patterns === undefined ? all : await readableOf(registry, access, of, all);
  return infos.map(({ hash, size, mtime }) => ({ filename: hash, attrs: fileAttrs(0o444, size, mtime) }));
}

async function readableOf(
  registry: Registry,
  access: Access,
  of: LayerFileKind,
  infos: readonly StoredFileInfo[],
): Promise<StoredFileInfo[]> {
  const readable: StoredFileInfo[] = [];
  for (let at = 0; at < infos.length; at += COMPARED_AT_ONCE) {
    if (at > 0) await setImmediate();
    await registry.meta.read(async (tx) => {
      for (const info of infos.slice(at, at + COMPARED_AT_ONCE)) {
        if (await isReadableFile(access, tx, of, info.hash)) readable.push(info);
      }
    });
  }
  return readable;
}

async function listConfigs(registry: Registry, { mayRead }: Access): Promise<ListedFile[]> {
  const names = (await registry.meta.read((tx) => tx.configurations())).filter(mayRead);
  const entries: ListedFile[] = [];
  for (const name of names)
    entries.push({ filename: `${name}.json`, attrs: (await openConfig(registry, name)).stat() });
  return entries;
}

/** The configuration as it is at this moment; a change after opening does not reach the reader. */
async function openConfig(registry: Registry, name: string): Promise<SftpFile> {
  const { configuration, manifests } = await registry.meta.read((tx) => configurationFor(tx, name));
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

/** With the manifests that there are of its archives, by the archive's hash. */
async function configurationFor(
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

async function openBlob(
  registry: Registry,
  of: LayerFileKind,
  hash: string,
  { log, transfers }: AgentView,
): Promise<SftpFile> {
  const file = await (of === 'archive' ? registry.bytes.open(hash) : registry.derived.open(of, hash));
  const transferEnded = transfers.begin();
  const started = performance.now();
  let bytes = 0;
  const close = async () => {
    log.info({ file: hash, of, bytes, ms: Math.round(performance.now() - started) }, 'download ended');
    transferEnded();
    await file.close();
  };
  return {
    read: async (target, offset) => {
      const got = await file.read(target, offset);
      bytes += got;
      return got;
    },
    stat: () => fileAttrs(0o444, file.size, file.mtime),
    close,
    abandon: close,
  };
}

function now(registry: Registry): number {
  return Math.floor(registry.clock().getTime() / 1000);
}
