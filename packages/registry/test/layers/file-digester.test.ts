import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FileDigester } from '@deploy-tools/registry/layers/file-digester.js';
import { expect, onTestFinished, test } from 'vitest';
import { kindOfRejection } from '../../../shared/test/support/kind-of.js';
import { temporaryDirectory } from '../../../shared/test/support/temporary-directory.js';
import { hashOf } from '../contract/meta-samples.js';

function openDigester(): FileDigester {
  const digester = new FileDigester();
  onTestFinished(() => digester.close());
  return digester;
}

test('files are hashed one after another; a missing one does not disturb the others', async () => {
  const dir = temporaryDirectory();
  const contents = [0, 1, 1024 * 1024, 3_000_001].map((size) => randomBytes(size));
  const digester = openDigester();
  const digests = contents.map((content, index) => {
    writeFileSync(join(dir, `${index}`), content);
    return digester.digest(join(dir, `${index}`));
  });
  const missing = kindOfRejection(digester.digest(join(dir, 'none')));
  const last = digester.digest(join(dir, '1'));
  expect(await Promise.all(digests)).toEqual(
    contents.map((content) => ({ hash: hashOf(content), size: content.length })),
  );
  expect(await missing).toBe('not-found');
  expect((await last).size).toBe(1);
  expect(await kindOfRejection(digester.digest(dir))).toBe('internal');
});

test('closing ends what runs, and what comes later', async () => {
  const digester = new FileDigester();
  const running = kindOfRejection(digester.digest('/dev/zero'));
  await digester.close();
  expect(await running).toBe('cancelled');
  expect(await kindOfRejection(digester.digest('/dev/null'))).toBe('cancelled');
});
