import { byteName, showName } from '@deploy-tools/shared/archive/byte-name.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import * as z from 'zod/mini';
import { type Image, imageConfigSchema, onlyOne, readImageJson, withDiffIds } from './image.js';
import { type Spool, type SpooledFile, spooledFile } from './spool-archive.js';

const manifestsSchema = z.array(
  z.object({ Config: z.string(), RepoTags: z.nullish(z.array(z.string())), Layers: z.array(z.string()) }),
);

/**
 * Reads the layout of `docker save`: manifest.json lists images; their layers are `<id>/layer.tar`, `<digest>.tar` or
 * `blobs/sha256/<digest>` (Docker image specification 1.2, "combined image JSON").
 * @throws DeployError invalid, corrupt.
 */
export function dockerImage(spool: Spool, manifestFile: SpooledFile): Image {
  const manifests = readImageJson(manifestFile, 'manifest.json', manifestsSchema);
  const { Config, RepoTags, Layers } = onlyOne(
    manifests,
    (candidate) => candidate.RepoTags?.join(' ') || 'without a tag',
  );
  const config = readImageJson(namedFile(spool, Config), Config, imageConfigSchema);
  const files = Layers.map((name) => namedFile(spool, name));
  return { tag: RepoTags?.[0], layers: withDiffIds(files, config) };
}

/** A file that the manifest names; its digest is verified where the name contains it. */
function namedFile(spool: Spool, name: string): SpooledFile {
  const file = spooledFile(spool, byteName(name));
  if (file === undefined) throw new DeployError('corrupt', `the image lacks ${showName(byteName(name))}`);
  const digest = /^(?:blobs\/sha256\/([0-9a-f]{64})|([0-9a-f]{64})\.json)$/.exec(name);
  const expected = digest?.[1] ?? digest?.[2];
  if (expected !== undefined && file.sha256 !== expected) {
    throw new DeployError('corrupt', `${name} in the image is damaged`);
  }
  return file;
}
