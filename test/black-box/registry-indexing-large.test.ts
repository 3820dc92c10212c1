import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { tarOf } from '../../packages/shared/test/archive/tar-builder.js';
import { type Archive, makeBlob, upload } from '../support/archive.js';
import { peakMemory } from '../support/process-memory.js';
import { fileScope, type Scope, testScope } from '../support/scope.js';
import { ssh2Client } from '../support/ssh2-client.js';
import { tempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';
import { startWorld, type World } from '../support/world.js';

const MIB = 1024 * 1024;
/** V8 left to itself would need 190 MB here: it does not see how large buffers are. */
const MOST_MEMORY = 160e6;

const scope = fileScope();
/** Takes a second to index, on a machine that does nothing else: many files that compress a little. */
let archive: Archive;

beforeAll(() => {
  const files = Array.from({ length: 64 }, (_, index) => ({
    name: `file-${index}`,
    content: Buffer.from(randomBytes(MIB / 2).toString('hex'), 'latin1'),
  }));
  archive = makeBlob(join(tempDir(scope), 'large'), tarOf(files));
});

const drafts = (world: World) =>
  ['manifests', 'packs'].flatMap((place) => {
    const dir = join(world.registry.site.dir, place);
    return readdirSync(dir).filter((name) => name.includes('.part'));
  });

/** Uploads a large archive; resolves while it is being read. */
async function beingIndexed(own: Scope): Promise<World> {
  const world = await startWorld(own, ['-grace', '20s']);
  await upload(world.operator, archive);
  await until('a draft is written', () => drafts(world).length > 0);
  return world;
}

describe('while a large archive is read', () => {
  it('other clients are answered as ever, and memory stays small', async () => {
    const own = testScope();
    const world = await startWorld(own);
    const probe = await prober(own, world);
    const idle = await probe(() => false);
    await upload(world.operator, archive);
    let added = false;
    const adding = world.operator.exec(`addver code:v1 ${archive.hash}`).finally(() => {
      added = true;
    });
    const busy = await probe(() => !added);
    expect((await adding).status).toBe(0);
    expect(busy.length).toBeGreaterThan(3);
    expect(median(busy)).toBeLessThan(20 * median(idle) + 1000);
    expect(peakMemory(world.registry.pid)).toBeLessThan(MOST_MEMORY);
  });

  it('stopping does not wait for it, and leaves no draft', async () => {
    const world = await beingIndexed(testScope());
    expect(await world.registry.stop()).toBe(0);
    expect(drafts(world)).toEqual([]);
    expect(readdirSync(join(world.registry.site.dir, 'packs'))).toEqual([]);
  });

  it('stopping lets an addver that waits for it finish', async () => {
    const own = testScope();
    const world = await beingIndexed(own);
    const client = await ssh2Client(own, world.registry, 'ops', world.registry.site.operator);
    const adding = (await client.openExec(`addver code:v1 ${archive.hash}`)).resume();
    const status = once(adding, 'exit');
    expect(await world.registry.stop()).toBe(0);
    expect((await status)[0]).toBe(0);
    expect(readdirSync(join(world.registry.site.dir, 'packs'))).toHaveLength(1);
    expect(drafts(world)).toEqual([]);
  });

  it('kill -9: the next start clears the drafts away, and the archive can be added', async () => {
    const world = await beingIndexed(testScope());
    await world.registry.kill9();
    expect(drafts(world)).not.toEqual([]);
    const next = await world.registry.restart();
    await next.log.line('removed unfinished manifests and packs');
    const added = await world.operator.exec(`addver code:v1 ${archive.hash}`);
    expect(added.status, added.stderr).toBe(0);
    expect((await world.operator.exec('fsck')).stdout).toMatch(/1 packs? .* no problem found\n$/);
  });
});

/** Asks over one connection until told to stop, at least ten times. @returns how long each answer took, in ms. */
async function prober(own: Scope, world: World): Promise<(go: () => boolean) => Promise<number[]>> {
  const client = await ssh2Client(own, world.registry, 'ops', world.registry.site.operator);
  client.socket.setNoDelay(true);
  return async (go) => {
    const times: number[] = [];
    while (go() || times.length < 10) {
      const started = performance.now();
      await once((await client.openExec('components')).resume(), 'close');
      times.push(performance.now() - started);
    }
    return times;
  };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
