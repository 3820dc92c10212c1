import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import type { AgentSettings } from '@deploy-tools/agent/deploy/agent-context.js';
import { buildFromChunks } from '@deploy-tools/agent/release/build-from-chunks.js';
import { ManifestStore } from '@deploy-tools/agent/release/fetch/manifest-store.js';
import type { Sessions } from '@deploy-tools/agent/release/fetch/sessions.js';
import { layRelease } from '@deploy-tools/agent/release/plan/lay-release.js';
import { recordable, recordOf } from '@deploy-tools/agent/release/records/record-of.js';
import { ReleaseRecords } from '@deploy-tools/agent/release/records/release-records.js';
import type { Release } from '@deploy-tools/agent/release/release-directory.js';
import type { ReleaseStore } from '@deploy-tools/agent/release/release-store.js';
import { ingestArchive } from '@deploy-tools/registry/ingest/ingest-archive.js';
import { archiveFile } from '@deploy-tools/shared/archive/read-archive.js';
import { DEFAULT_UNPACK_POLICY } from '@deploy-tools/shared/archive/unpack-policy.js';
import { SftpClient } from '@deploy-tools/shared/client/sftp-client.js';
import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { expect } from 'vitest';
import type { Archive } from '../../../../../test/support/archive.js';
import type { Scope } from '../../../../../test/support/scope.js';
import { tempDir } from '../../../../../test/support/temp-dir.js';
import { configOf, releaseStore } from '../../agent-context.js';

/** What a build site needs. */
export const SFTP_SERVER = '/usr/lib/openssh/sftp-server';

/** A registry's files, served by OpenSSH's sftp-server, and an agent that builds releases of them. */
export interface BuildSite {
  /** With `files`, `manifests` and `packs`. */
  readonly registry: string;
  readonly store: ReleaseStore;
  /** Adds archives and makes the configuration that consists of them. */
  config(...archives: readonly Archive[]): Promise<AgentConfig>;
  /** Builds the release of a configuration, as after what was built before, and waits until it is recorded. */
  build(config: AgentConfig): Promise<Release | undefined>;
  /** Records all files of a release as they are: as if it were older than a tick of the clock. */
  settle(config: AgentConfig): Promise<void>;
  /** Bytes that came from the server so far. */
  received(): number;
}

export async function makeBuildSite(
  scope: Scope,
  settings: Partial<AgentSettings> = {},
  dir: string = tempDir(scope),
): Promise<BuildSite> {
  const registry = join(dir, 'registry');
  for (const name of ['files', 'manifests', 'packs']) mkdirSync(join(registry, name), { recursive: true });
  const store = await releaseStore(join(dir, 'agent'), settings);
  scope.defer(() => store.threads.stop());
  const manifests = new Map<string, string>();
  let received = 0;
  const count = (bytes: number) => {
    received += bytes;
  };
  const another = () => openSftp(scope, registry, count);
  const first = await another();
  const sessions: Sessions = { first, another };
  let before: AgentConfig | undefined;
  return {
    registry,
    store,
    config: async (...archives) => {
      for (const archive of archives) {
        if (manifests.has(archive.hash)) continue;
        copyFileSync(archive.path, join(registry, 'files', archive.hash));
        manifests.set(archive.hash, await index(registry, archive));
      }
      const config = configOf(...archives);
      const layers = config.layers.map((layer) => ({ ...layer, manifest: manifests.get(layer.hash) ?? '' }));
      return { ...config, layers };
    },
    build: async (config) => {
      const release = await buildFromChunks(store, sessions, { config, before });
      await release?.durable;
      if (release !== undefined) before = config;
      return release;
    },
    settle: async ({ hash, layers }) => {
      const { paths, threads, log } = store;
      const kept = new ManifestStore(paths.manifests, log);
      const manifests = layers.flatMap(({ manifest }) => kept.manifest(manifest ?? '') ?? []);
      const labelled = manifests.map((manifest) => ({ label: 'layer', manifest }));
      const nodes = recordable(layRelease(labelled, DEFAULT_UNPACK_POLICY).nodes);
      const files = nodes.map(({ entry }) => entry.path);
      const root = join(paths.unpacked, hash);
      const stamps = await threads.run('stamp', () => ({ kind: 'stamp', root, paths: files }));
      const record = recordOf(manifests, { nodes, stamps }, 2n ** 62n);
      expect(record.places.length).toBe(nodes.length);
      new ReleaseRecords(paths.records).write(hash, record);
    },
    received: () => received,
  };
}

/** Makes manifest and pack of an archive as the registry does. @returns the manifest's digest. */
async function index(registry: string, archive: Archive): Promise<string> {
  const into = { manifest: join(registry, 'new-manifest'), pack: join(registry, 'new-pack') };
  const { path, hash, size } = archive;
  const task = { archive: path, hash, size, policy: DEFAULT_UNPACK_POLICY, reuse: [], into };
  const made = await ingestArchive(task, archiveFile(path));
  renameSync(into.manifest, join(registry, 'manifests', made.manifest.hash));
  renameSync(into.pack, join(registry, 'packs', made.pack.hash));
  return made.manifest.hash;
}

/** A session with a real server of its own that serves a directory. */
export async function openSftp(
  scope: Scope,
  root: string,
  count: (bytes: number) => void = () => {},
): Promise<SftpClient> {
  const server = spawn(SFTP_SERVER, ['-d', root], { stdio: ['pipe', 'pipe', 'inherit'] });
  server.stdout.on('data', (chunk: Buffer) => count(chunk.length));
  const channel = Duplex.from({ readable: server.stdout, writable: server.stdin });
  channel.on('error', () => undefined); // killed at the end of the test
  scope.defer(() => {
    server.kill();
  });
  return await SftpClient.start(channel);
}

/** Changes one byte of a file, in place. */
export function damage(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes.writeUInt8((bytes.readUInt8(at) + 1) % 256, at);
  writeFileSync(path, bytes);
}
