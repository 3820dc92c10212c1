import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { DeployError, toDeployError } from '@deploy-tools/shared/errors.js';
import { readBody } from '../objects/object-body.js';
import { checksumFilesOf } from '../select/artifact-format.js';
import type { Artifact, Source } from '../source.js';
import { type ListedChecksum, parseChecksums } from './checksum-list.js';
import type { ArtifactFile } from './download.js';

const READ_BYTES = 1024 * 1024;
const MAX_LIST_BYTES = 4 * 1024 * 1024;

/**
 * Verifies a file against the digest that its source vouches for, and against the files of checksums beside the artifact.
 * @param required whether a file of checksums has to list the artifact.
 * @returns its SHA-256 in hex.
 * @throws DeployError corrupt; as Source, for the files of checksums.
 */
export async function verifyDownload(
  target: ArtifactFile,
  required: boolean,
  signal: AbortSignal,
): Promise<string> {
  const { release, artifact, path } = target;
  const listed = await listedChecksums(target, signal);
  if (required && listed.length === 0) {
    throw new DeployError('corrupt', `no file of checksums in ${release.tag} lists ${artifact.name}`, {
      hint: 'publish one, such as checksums.txt, or leave out checksum=required',
    });
  }
  const hasSha512 = listed.some(({ algorithm }) => algorithm === 'sha512');
  const sums = await hashFile(path, hasSha512, signal);
  if (artifact.digest !== undefined && artifact.digest !== `sha256:${sums.sha256}`) {
    const digest = artifact.digest.slice('sha256:'.length);
    throw mismatch(artifact, `SHA-256 ${sums.sha256}`, `its source says ${digest}`);
  }
  for (const { algorithm, hex, file } of listed) {
    if (sums[algorithm] !== hex)
      throw mismatch(artifact, `${algorithm} ${sums[algorithm]}`, `${file} says ${hex}`);
  }
  return sums.sha256;
}

interface Listed extends ListedChecksum {
  /** The file of checksums. */
  readonly file: string;
}

async function listedChecksums(
  { source, release: { artifacts }, artifact }: ArtifactFile,
  signal: AbortSignal,
): Promise<Listed[]> {
  if (source.kind === 'image') return [];
  const names = artifacts.map(({ name }) => name);
  const listed: Listed[] = [];
  for (const file of checksumFilesOf(artifact.name, names)) {
    const found = artifacts.find(({ name }) => name === file);
    if (found === undefined) continue;
    const text = await readList(source, found, signal);
    const own = file.startsWith(artifact.name);
    listed.push(...parseChecksums(text, artifact.name, own).map((checksum) => ({ ...checksum, file })));
  }
  return listed;
}

async function readList(source: Source, list: Artifact, signal: AbortSignal): Promise<string> {
  const { body } = await source.open(list, { offset: 0 }, signal);
  return (await readBody(body, MAX_LIST_BYTES, `the file of checksums ${list.name}`)).toString('utf8');
}

async function hashFile(
  path: string,
  withSha512: boolean,
  signal: AbortSignal,
): Promise<{ readonly sha256: string; readonly sha512: string }> {
  const sha256 = createHash('sha256');
  const sha512 = createHash('sha512');
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: READ_BYTES, signal })) {
      sha256.update(chunk);
      if (withSha512) sha512.update(chunk);
    }
  } catch (error) {
    throw toDeployError(error);
  }
  return { sha256: sha256.digest('hex'), sha512: sha512.digest('hex') };
}

function mismatch({ name }: Artifact, has: string, but: string): DeployError {
  return new DeployError('corrupt', `${name} has ${has}, but ${but}`, {
    hint: 'it is fetched anew the next time; if that does not help, upload it again',
  });
}
