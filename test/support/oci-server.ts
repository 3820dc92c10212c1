import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PATIENCE_MS } from './patience.js';
import type { Scope } from './scope.js';
import { tempDir } from './temp-dir.js';

/** A real OCI registry: Debian's docker-registry, by http and open to all. */
export interface OciServer {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** Pushes an image of these layers, lowest first, as they are. */
  push(repository: string, tag: string, layers: readonly Uint8Array[], platform?: OciPlatform): Promise<void>;
  /** Makes a tag an index of images that were pushed under other tags. */
  index(repository: string, tag: string, images: readonly (OciPlatform & { tag: string })[]): Promise<void>;
  /** Removes a tag with its manifest. */
  remove(repository: string, tag: string): Promise<void>;
}

export interface OciPlatform {
  readonly os: string;
  readonly architecture: string;
}

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';

/** Starts one with nothing in it; ended and removed at the end of the scope. */
export async function startOciServer(scope: Scope): Promise<OciServer> {
  const dir = tempDir(scope);
  const config = join(dir, 'config.yml');
  writeFileSync(config, configuration(join(dir, 'storage')));
  const child = spawn('docker-registry', ['serve', config], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  scope.defer(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const host = await new Promise<string>((resolve, reject) => {
    let text = '';
    const fail = (why: string): void => reject(new Error(`docker-registry ${why}\n${text}`));
    const timer = setTimeout(() => fail(`is not ready after ${PATIENCE_MS} ms`), PATIENCE_MS);
    const hear = (data: Buffer): void => {
      text += data.toString();
      const ready = /listening on (127\.0\.0\.1:\d+)/.exec(text);
      if (ready === null) return;
      clearTimeout(timer);
      resolve(ready[1] ?? '');
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.once('error', reject).once('close', () => fail('ended'));
  });
  return operations(host);
}

function configuration(storage: string): string {
  return [
    'version: 0.1',
    'storage:',
    '  filesystem:',
    `    rootdirectory: ${storage}`,
    '  delete:',
    '    enabled: true',
    'http:',
    '  addr: 127.0.0.1:0',
    '',
  ].join('\n');
}

function operations(host: string): OciServer {
  const at = (repository: string) => `http://${host}/v2/${repository}`;
  const put = async (url: string, type: string, body: string | Uint8Array): Promise<void> => {
    const response = await fetch(url, { method: 'PUT', headers: { 'content-type': type }, body });
    if (!response.ok) throw new Error(`PUT ${url}: ${response.status} ${await response.text()}`);
  };
  const blob = async (repository: string, bytes: Uint8Array) => {
    const begun = await fetch(`${at(repository)}/blobs/uploads/`, { method: 'POST' });
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    const url = new URL(begun.headers.get('location') ?? '', `http://${host}`);
    url.searchParams.set('digest', digest);
    await put(url.href, 'application/octet-stream', bytes);
    return { digest, size: bytes.length };
  };
  const manifest = async (repository: string, tag: string) => {
    const headers = { accept: `${MANIFEST}, ${INDEX}` };
    const response = await fetch(`${at(repository)}/manifests/${tag}`, { headers });
    const body = await response.text();
    return { digest: `sha256:${createHash('sha256').update(body).digest('hex')}`, size: body.length };
  };
  return {
    host,
    push: async (repository, tag, layers, platform = { os: 'linux', architecture: 'amd64' }) => {
      const config = await blob(repository, Buffer.from(JSON.stringify({ ...platform, tag })));
      const mediaType = 'application/vnd.oci.image.layer.v1.tar+gzip';
      const pushed = [];
      for (const layer of layers) pushed.push({ mediaType, ...(await blob(repository, layer)) });
      const image = {
        schemaVersion: 2,
        mediaType: MANIFEST,
        config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...config },
        layers: pushed,
      };
      await put(`${at(repository)}/manifests/${tag}`, MANIFEST, JSON.stringify(image));
    },
    index: async (repository, tag, images) => {
      const manifests = [];
      for (const { tag: of, ...platform } of images) {
        manifests.push({ mediaType: MANIFEST, ...(await manifest(repository, of)), platform });
      }
      const index = { schemaVersion: 2, mediaType: INDEX, manifests };
      await put(`${at(repository)}/manifests/${tag}`, INDEX, JSON.stringify(index));
    },
    remove: async (repository, tag) => {
      const { digest } = await manifest(repository, tag);
      const response = await fetch(`${at(repository)}/manifests/${digest}`, { method: 'DELETE' });
      if (!response.ok) throw new Error(`DELETE ${tag}: ${response.status}`);
    },
  };
}
