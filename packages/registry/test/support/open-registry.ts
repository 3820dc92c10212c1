import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigurationEvents } from '@deploy-tools/registry/core/configuration-events.js';
import { Fleet } from '@deploy-tools/registry/core/fleet/fleet.js';
import type { Speaker } from '@deploy-tools/registry/core/fleet/presence.js';
import { Heartbeats } from '@deploy-tools/registry/core/heartbeats.js';
import type { Principal } from '@deploy-tools/registry/core/principal.js';
import type { Registry, RegistryLimits } from '@deploy-tools/registry/core/registry.js';
import { beginUpload } from '@deploy-tools/registry/core/uploads.js';
import { addVersion } from '@deploy-tools/registry/core/versions.js';
import { FileByteStore } from '@deploy-tools/registry/layers/file-byte-store.js';
import { SqliteMetaStore } from '@deploy-tools/registry/meta/sqlite/sqlite-meta-store.js';
import { createLogger } from '@deploy-tools/shared/log.js';
import type { ComponentVersion } from '@deploy-tools/shared/model.js';
import { onTestFinished } from 'vitest';

export interface TestRegistry extends Registry {
  /** Moves the registry's clock on. */
  pass(ms: number): void;
  /** Closes and removes it; done by itself when a test is over, where it was opened in one. */
  close(): Promise<void>;
}

export const MINUTE = 60_000;

export const OPERATOR: Principal = {
  role: 'operator',
  user: 'ops',
  fingerprint: 'SHA256:operator',
  comment: 'ops@example',
  address: '192.0.2.1',
};

export const AGENT: Principal = {
  ...OPERATOR,
  role: 'agent',
  user: 'deploy-agent',
  fingerprint: 'SHA256:agent',
};

/** An agent's key that is bound to no host. */
export const SPEAKER: Speaker = {
  key: { fingerprint: AGENT.fingerprint, comment: AGENT.comment },
  address: AGENT.address,
  refusal: () => undefined,
  owns: () => false,
};

const LIMITS: RegistryLimits = {
  keepVersions: 10,
  uploadTtlMs: 30 * MINUTE,
  maxUpload: 1024 ** 3,
  minFree: 0,
  auditKeepMs: 365 * 24 * 60 * MINUTE,
  historyKeepMs: 90 * 24 * 60 * MINUTE,
};

/** Hosts are lost after 45 s of the test's clock. */
export const FLEET = { lostAfterMs: 45_000, maxFollows: 1000, maxFollowsPerKey: 500 } as const;

/** The rules over real adapters in a temporary directory, with a clock that stands still. */
export async function openRegistry(limits: Partial<RegistryLimits> = {}): Promise<TestRegistry> {
  const registry = await openLastingRegistry(limits);
  onTestFinished(() => registry.close());
  return registry;
}

/** As {@link openRegistry}, to be closed by the caller: for hooks. */
export async function openLastingRegistry(limits: Partial<RegistryLimits> = {}): Promise<TestRegistry> {
  const dir = mkdtempSync(join(tmpdir(), 'deploy-test-'));
  const meta = SqliteMetaStore.open(join(dir, 'registry.db'));
  let now = Date.now(); // files have the time of the machine
  const clock = () => new Date(now);
  const log = await createLogger('test', 'silent');
  const fleet = await Fleet.open({ ...FLEET, meta, log, clock, steady: () => now });
  return {
    meta,
    fleet,
    events: new ConfigurationEvents(),
    heartbeats: new Heartbeats(10_000),
    bytes: await FileByteStore.open(dir),
    clock,
    log,
    limits: { ...LIMITS, ...limits },
    pass: (ms) => {
      now += ms;
    },
    close: async () => {
      await fleet.close();
      await meta.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Uploads a text as an operator. @returns its hash. */
export async function upload(
  registry: Registry,
  content: string | Buffer,
  owner = OPERATOR.fingerprint,
): Promise<string> {
  const opened = await beginUpload(registry, owner);
  await opened.write(Buffer.from(content), 0);
  return (await opened.seal()).hash;
}

/** Uploads a text and names it. */
export async function addText(
  registry: Registry,
  component: string,
  version: string,
  content = `${component}:${version}`,
): Promise<ComponentVersion> {
  return addVersion(registry, { component, version, hash: await upload(registry, content) });
}
