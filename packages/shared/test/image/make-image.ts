import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { byteName } from '@deploy-tools/shared/archive/byte-name.js';
import { TAR_END, type TarMember, tarHeader, tarPadding } from '@deploy-tools/shared/archive/tar-blocks.js';

/** An entry of an archive that a test makes: content makes it a file, a link target a symlink. */
export interface MadeEntry {
  readonly path: string;
  readonly content?: string | Buffer;
  readonly symlink?: string;
  readonly hardlink?: string;
  readonly mode?: number;
}

/** A tar archive of these entries; an entry with nothing but a path is a directory. */
export function makeTar(entries: readonly MadeEntry[]): Buffer {
  return Buffer.concat([...entries.flatMap(blocksOf), TAR_END]);
}

function blocksOf({ path, content, symlink, hardlink, mode }: MadeEntry): Buffer[] {
  const bytes = Buffer.from(content ?? '');
  const type =
    content !== undefined
      ? 'file'
      : symlink !== undefined
        ? 'symlink'
        : hardlink !== undefined
          ? 'hardlink'
          : 'directory';
  const member: TarMember = {
    type,
    path: byteName(path),
    linkTarget: byteName(symlink ?? hardlink ?? ''),
    mode: mode ?? (type === 'directory' ? 0o755 : 0o644),
    uid: 0,
    gid: 0,
    size: bytes.length,
    mtimeSeconds: 1_000_000_000,
    mtimeNanoseconds: 0,
  };
  return [tarHeader(member), bytes, tarPadding(bytes.length)];
}

export const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

export type Compression = 'none' | 'gzip' | 'zstd';

function compress(tar: Buffer, compression: Compression): Buffer {
  if (compression === 'none') return tar;
  return compression === 'gzip' ? gzipSync(tar) : execFileSync('zstd', ['-q', '-c'], { input: tar });
}

const json = (value: unknown) => Buffer.from(JSON.stringify(value));
const configOf = (layers: readonly Buffer[]) =>
  json({
    architecture: 'amd64',
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: layers.map((tar) => `sha256:${sha256(tar)}`) },
  });

/** What older `docker save` writes: `<id>/layer.tar`. */
export function classicImage(layers: readonly Buffer[], tags: readonly string[] | null = ['app:1']): Buffer {
  const config = configOf(layers);
  const names = layers.map((_tar, index) => `${String(index).repeat(8)}/layer.tar`);
  const manifest = [{ Config: `${sha256(config)}.json`, RepoTags: tags, Layers: names }];
  return makeTar([
    ...layers.map((content, index) => ({ path: names[index] ?? '', content })),
    { path: `${sha256(config)}.json`, content: config },
    { path: 'manifest.json', content: json(manifest) },
  ]);
}

export interface Blobs {
  readonly entries: MadeEntry[];
  /** @returns the descriptor. */
  add(content: Buffer, mediaType: string): { mediaType: string; digest: string; size: number };
}

export function blobStore(): Blobs {
  const entries: MadeEntry[] = [];
  return {
    entries,
    add: (content, mediaType) => {
      const hex = sha256(content);
      entries.push({ path: `blobs/sha256/${hex}`, content });
      return { mediaType, digest: `sha256:${hex}`, size: content.length };
    },
  };
}

const OCI = 'application/vnd.oci.image';

/** Adds an image to the blobs. @returns the descriptor of its manifest, and the names of its blobs. */
export function addImage(blobs: Blobs, layers: readonly Buffer[], compression: Compression = 'gzip') {
  const config = blobs.add(configOf(layers), `${OCI}.config.v1+json`);
  const descriptors = layers.map((tar) => blobs.add(compress(tar, compression), `${OCI}.layer.v1.tar`));
  const manifest = { schemaVersion: 2, mediaType: `${OCI}.manifest.v1+json`, config, layers: descriptors };
  return { config, layers: descriptors, manifest: blobs.add(json(manifest), `${OCI}.manifest.v1+json`) };
}

export function addIndex(blobs: Blobs, manifests: readonly object[]) {
  return blobs.add(
    json({ schemaVersion: 2, mediaType: `${OCI}.index.v1+json`, manifests }),
    `${OCI}.index.v1+json`,
  );
}

/** An OCI archive of these manifests. */
export function ociArchive(
  blobs: Blobs,
  manifests: readonly object[],
  more: readonly MadeEntry[] = [],
): Buffer {
  return makeTar([
    ...blobs.entries,
    { path: 'oci-layout', content: json({ imageLayoutVersion: '1.0.0' }) },
    { path: 'index.json', content: json({ schemaVersion: 2, manifests }) },
    ...more,
  ]);
}

/** What today's `docker save` writes: the OCI layout and a manifest.json whose layers are blobs. */
export function dockerImage(layers: readonly Buffer[], compression: Compression = 'none'): Buffer {
  const blobs = blobStore();
  const image = addImage(blobs, layers, compression);
  const nameOf = (descriptor: { digest: string }) => descriptor.digest.replace('sha256:', 'blobs/sha256/');
  const manifest = [{ Config: nameOf(image.config), RepoTags: ['app:1'], Layers: image.layers.map(nameOf) }];
  return ociArchive(blobs, [image.manifest], [{ path: 'manifest.json', content: json(manifest) }]);
}
