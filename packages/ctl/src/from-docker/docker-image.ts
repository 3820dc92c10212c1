import { byteName, showName } from '@deploy-tools/shared/archive/byte-name.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { type Image, onlyOne, withDiffIds } from './image.js';
import { asArray, asObject, asString, type JsonObject, readImageJson } from './image-json.js';
import { type Spool, type SpooledFile, spooledFile } from './spool-archive.js';

/**
 * Reads the layout of `docker save`: manifest.json lists images; their layers are `<id>/layer.tar`, `<digest>.tar` or
 * `blobs/sha256/<digest>` (Docker image specification 1.2, "combined image JSON").
 * @throws DeployError invalid, corrupt.
 */
export function dockerImage(spool: Spool, manifestFile: SpooledFile): Image {
  const manifests = asArray(readImageJson(manifestFile, 'manifest.json'), 'manifest.json').map((item) =>
    asObject(item, 'manifest.json'),
  );
  const manifest = onlyOne(manifests, (candidate) => tagsOf(candidate).join(' ') || 'without a tag');
  const configName = asString(manifest.Config, 'Config');
  const config = readImageJson(namedFile(spool, configName), configName);
  const files = asArray(manifest.Layers, 'Layers').map((name) => namedFile(spool, asString(name, 'Layers')));
  return { tag: tagsOf(manifest)[0], layers: withDiffIds(files, asObject(config, configName)) };
}

function tagsOf(manifest: JsonObject): string[] {
  if (manifest.RepoTags === undefined || manifest.RepoTags === null) return [];
  return asArray(manifest.RepoTags, 'RepoTags').map((tag) => asString(tag, 'RepoTags'));
}

/** A file that the manifest names; where its name is its digest, that is verified. */
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
