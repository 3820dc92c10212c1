import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tarOf } from '../../packages/shared/test/archive/tar-builder.js';
import { type Archive, makeBlob, upload } from '../support/archive.js';
import { peakMemory } from '../support/process-memory.js';
import { type Scope, testScope } from '../support/scope.js';
import { ssh2Client } from '../support/ssh2-client.js';
import { until } from '../support/until.js';
import { startWorld, type World } from '../support/world.js';

const MIB = 1024 * 1024;
/** V8 left to itself would need 225 MB here: it does not see how large buffers are. */
const MOST_MEMORY = 160e6;

/** Takes seconds to index: many files that compress a little. */
function largeArchive(world: World): Archive {
  const files = Array.from({ length: 192 }, (_, index) => ({
    name: `file-${index}`,
    content: Buffer.from(randomBytes(MIB / 2).toString('hex'), 'latin1'),
  }));
  return makeBlob(join(world.root, 'large'), tarOf(files));
}

const drafts = (world: World) =>
  ['manifests', 'packs'].flatMap((place) => {
    const dir = join(world.registry.site.dir, place);
    return readdirSync(dir).filter((name) => name.includes('.part'));
  });

/** Uploads a large archive; resolves while it is being read. */
async function beingIndexed(scope: Scope): Promise<{ world: World; archive: Archive }> {
  const world = await startWorld(scope, ['-grace', '20s']);
  const archive = largeArchive(world);
  await upload(world.operator, archive);
  await until('a draft is written', () => drafts(world).length > 0);
  return { world, archive };
}

describe('while a large archive is read', () => {
  it('other clients are answered as ever, and memory stays small', async () => {
    const scope = testScope();
    const world = await startWorld(scope);
    const archive = largeArchive(world);
    const probe = await prober(scope, world);
    const idle = await probe(() => false);
    await upload(world.operator, archive);
    let added = false;
    const adding = world.operator.exec(`addver code:v1 ${archive.hash}`).finally(() => {
      added = true;
    });
    const busy = await probe(() => !added);
    expect((await adding).status).toBe(0);
    expect(busy.length).toBeGreaterThan(3);
    expect(median(busy)).toBeLessThan(5 * median(idle) + 50);
    expect(peakMemory(world.registry.pid)).toBeLessThan(MOST_MEMORY);
  });

  it('stopping does not wait for it, and leaves no draft', async () => {
    const { world } = await beingIndexed(testScope());
    const started = performance.now();
    expect(await world.registry.stop()).toBe(0);
    expect(performance.now() - started).toBeLessThan(5000);
    expect(drafts(world)).toEqual([]);
  });

  it('stopping lets an addver that waits for it finish', async () => {
    const scope = testScope();
    const { world, archive } = await beingIndexed(scope);
    const client = await ssh2Client(scope, world.registry, 'ops', world.registry.site.operator);
    const adding = (await client.openExec(`addver code:v1 ${archive.hash}`)).resume();
    const status = once(adding, 'exit');
    expect(await world.registry.stop()).toBe(0);
    expect((await status)[0]).toBe(0);
    expect(readdirSync(join(world.registry.site.dir, 'packs'))).toHaveLength(1);
    expect(drafts(world)).toEqual([]);
  });

  it('kill -9: the next start clears the drafts away, and the archive can be added', async () => {
    const { world, archive } = await beingIndexed(testScope());
    await world.registry.kill9();
    expect(drafts(world)).not.toEqual([]);
    const next = await world.registry.restart();
    await next.log.line('removed manifests and packs that were not finished');
    const added = await world.operator.exec(`addver code:v1 ${archive.hash}`);
    expect(added.status, added.stderr).toBe(0);
    expect((await world.operator.exec('fsck')).stdout).toMatch(/1 packs? .* nothing is wrong\n$/);
  });
});

/** Asks over one connection until told to stop, at least ten times. @returns how long each answer took, in ms. */
async function prober(scope: Scope, world: World): Promise<(go: () => boolean) => Promise<number[]>> {
  const client = await ssh2Client(scope, world.registry, 'ops', world.registry.site.operator);
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
