import { describe, expect, test } from 'vitest';
import { kindOfRejection } from '../../../shared/test/support/kind-of.js';
import { hashOf } from '../contract/meta-samples.js';
import { NEVER, openRegistry } from '../support/open-registry.js';

const GIB = 1024 ** 3;

describe('an upload', () => {
  test('with a byte that was never written is refused without being read, and leaves nothing', async () => {
    const registry = await openRegistry({ maxUpload: 1024 * GIB });
    const upload = await registry.uploads.begin('x');
    await upload.write(Buffer.from('ab'), 0);
    const far = Math.floor((await registry.bytes.freeBytes()) / 2);
    await upload.write(Buffer.from('cd'), far);
    await expect(upload.seal(NEVER)).rejects.toThrow(
      `the upload has a hole: its bytes 2 to ${far - 1} were never written`,
    );
    expect(await kindOfRejection(upload.seal(NEVER))).toBe('invalid');
    expect([await registry.bytes.uploads(), await registry.bytes.clean()]).toEqual([[], 0]);
  });

  test('that will not fit when its holes are filled is refused at once', async () => {
    const registry = await openRegistry({ maxUpload: 2 ** 50 });
    const upload = await registry.uploads.begin('x');
    const beyond = (await registry.bytes.freeBytes()) + GIB;
    expect(await kindOfRejection(upload.write(Buffer.from('ab'), beyond))).toBe('no-space');
    expect(await registry.bytes.clean()).toBe(0);
  });

  test('that will not fit with what another one has still to write is refused', async () => {
    const registry = await openRegistry({ maxUpload: 2 ** 50 });
    const [one, other] = [await registry.uploads.begin('x'), await registry.uploads.begin('y')];
    const most = Math.floor((await registry.bytes.freeBytes()) * 0.6);
    await one.write(Buffer.from('ab'), most);
    await expect(other.write(Buffer.from('ab'), most)).rejects.toMatchObject({
      kind: 'no-space',
      message: expect.stringMatching(/^the registry's disk has .* left at \/.*, too little for uploads/),
    });
    await one.discard();
    const third = await registry.uploads.begin('z');
    await third.write(Buffer.from('ab'), most);
    await third.discard();
  });

  test('written from its end to its beginning is stored', async () => {
    const registry = await openRegistry();
    const upload = await registry.uploads.begin('x');
    for (const [at, text] of ['a', 'b', 'c'].entries()) await upload.write(Buffer.from(text), 2 - at);
    expect(await upload.seal(NEVER)).toMatchObject({ hash: hashOf('cba'), size: 3 });
  });

  test('in more pieces than are kept track of is refused', async () => {
    const registry = await openRegistry();
    const upload = await registry.uploads.begin('x');
    const writes = Array.from({ length: 17_000 }, (_, at) =>
      kindOfRejection(upload.write(Buffer.alloc(1), 2 * at)),
    );
    expect((await Promise.all(writes)).at(-1)).toBe('too-large');
    expect(await registry.bytes.clean()).toBe(0);
  });

  test('is not read again for a client that is gone', async () => {
    const registry = await openRegistry();
    const upload = await registry.uploads.begin('x');
    await upload.write(Buffer.from('b'), 1);
    await upload.write(Buffer.from('a'), 0);
    expect(await kindOfRejection(upload.seal(AbortSignal.abort()))).toBe('cancelled');
    expect([await registry.bytes.uploads(), await registry.bytes.clean()]).toEqual([[], 0]);
  });
});
