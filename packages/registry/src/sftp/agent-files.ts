import { encodeConfigJson, toAgentConfig } from '@deploy-tools/shared/config-json.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import { type Attrs, type NameEntry, OPEN_FLAG } from '@deploy-tools/shared/sftp/protocol.js';
import { requireConfiguration } from '../core/configurations.js';
import type { Registry } from '../core/registry.js';
import { directoryAttrs, fileAttrs, nameEntry } from './listing.js';
import type { SftpFile, SftpFiles, TransferCounter } from './sftp-files.js';

type Node =
  | { readonly kind: 'directory'; readonly name: '' | 'configs' | 'files' }
  | { readonly kind: 'config'; readonly name: string }
  | { readonly kind: 'archive'; readonly hash: string };

/**
 * The agents' tree: `/configs/NAME.json` and `/files/HASH`, read only. A path is matched against these forms and
 * never becomes a path on disk.
 */
export function agentFiles(registry: Registry, log: Logger, transfers: TransferCounter): SftpFiles {
  const readOnly = async () => {
    throw new DeployError('denied', 'agents may only read');
  };
  return {
    open: async (path, flags) => {
      if ((flags & ~OPEN_FLAG.READ) !== 0 || flags === 0) await readOnly();
      const node = parsePath(path);
      if (node.kind === 'config') return openConfig(registry, node.name);
      if (node.kind === 'archive') return openArchive(registry, node.hash, log, transfers);
      throw new DeployError('invalid', `${path} is a directory`);
    },
    stat: (path) => statNode(registry, parsePath(path)),
    list: (path) => listDirectory(registry, parsePath(path), path),
    setStat: readOnly,
    rename: readOnly,
  };
}

function parsePath(path: string): Node {
  if (path === '/') return { kind: 'directory', name: '' };
  if (path === '/configs') return { kind: 'directory', name: 'configs' };
  if (path === '/files') return { kind: 'directory', name: 'files' };
  const config = /^\/configs\/([^/]+)\.json$/.exec(path)?.[1];
  if (config !== undefined) return { kind: 'config', name: config };
  const hash = /^\/files\/([0-9a-f]{64})$/.exec(path)?.[1];
  if (hash !== undefined) return { kind: 'archive', hash };
  throw new DeployError('not-found', `no such file: ${path}`);
}

async function statNode(registry: Registry, node: Node): Promise<Attrs> {
  if (node.kind === 'directory') return directoryAttrs(0o555, now(registry));
  if (node.kind === 'config') return (await openConfig(registry, node.name)).stat();
  const info = await registry.bytes.stat(node.hash);
  if (info === undefined) throw new DeployError('not-found', `no archive ${node.hash}`);
  return fileAttrs(0o444, info.size, info.mtime);
}

async function listDirectory(registry: Registry, node: Node, path: string): Promise<NameEntry[]> {
  if (node.kind !== 'directory') throw new DeployError('invalid', `${path} is not a directory`);
  if (node.name === '') {
    const attrs = directoryAttrs(0o555, now(registry));
    return [nameEntry('configs', attrs), nameEntry('files', attrs)];
  }
  if (node.name === 'files') {
    const archives = await registry.bytes.archives();
    return archives.map(({ hash, size, mtime }) => nameEntry(hash, fileAttrs(0o444, size, mtime)));
  }
  const names = await registry.meta.read((tx) => tx.configurations());
  const entries: NameEntry[] = [];
  for (const name of names)
    entries.push(nameEntry(`${name}.json`, (await openConfig(registry, name)).stat()));
  return entries;
}

/** The configuration as it is at this moment; a change after opening does not reach the reader. */
async function openConfig(registry: Registry, name: string): Promise<SftpFile> {
  const configuration = await registry.meta.read((tx) => requireConfiguration(tx, name));
  const content = Buffer.from(encodeConfigJson(toAgentConfig(configuration)));
  const mtime = Math.floor(Date.parse(configuration.mtime) / 1000);
  return {
    read: async (target, offset) => (offset >= content.length ? 0 : content.copy(target, 0, offset)),
    stat: () => fileAttrs(0o444, content.length, mtime),
    close: async () => {},
    abandon: async () => {},
  };
}

async function openArchive(
  registry: Registry,
  hash: string,
  log: Logger,
  transfers: TransferCounter,
): Promise<SftpFile> {
  const file = await registry.bytes.open(hash);
  const transferEnded = transfers.begin();
  const started = performance.now();
  let bytes = 0;
  const close = async () => {
    log.info({ file: hash, bytes, ms: Math.round(performance.now() - started) }, 'download ended');
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
