import { OperatorTree } from '@deploy-tools/registry/sftp/operator-tree.js';
import { Activity } from '@deploy-tools/registry/ssh/activity.js';
import { OPEN_FLAG } from '@deploy-tools/shared/sftp/protocol.js';
import { expect, test } from 'vitest';
import { kindOfRejection } from '../../../shared/test/support/kind-of.js';
import { hashOf } from '../contract/meta-samples.js';
import { NEVER, OPERATOR, openRegistry } from '../support/open-registry.js';
import { withoutAudit } from '../support/without-audit.js';

const WRITE = OPEN_FLAG.WRITE | OPEN_FLAG.CREAT | OPEN_FLAG.TRUNC;

test('an upload is in the audit log, stored or refused, and counts as running until its end', async () => {
  const registry = await openRegistry({ maxUpload: 10 });
  const activity = new Activity();
  const files = new OperatorTree(registry, { principal: OPERATOR, log: registry.log, transfers: activity });
  for (const content of ['fits', 'is too large']) {
    const file = await files.open('/x', WRITE);
    expect(activity.running).toBe(1);
    await file.write?.(Buffer.from(content), 0).catch(() => undefined); // the CLOSE tells it again
    await file.close(NEVER).catch(() => undefined);
    expect(activity.running).toBe(0);
  }
  const [stored, refused] = await registry.meta.read((tx) => tx.audit({ limit: 9 }));
  expect(stored).toMatchObject({ command: 'upload', via: 'sftp', result: 'ok', subjects: [hashOf('fits')] });
  expect(refused).toMatchObject({ command: 'upload', result: 'failed', subjects: [] });
});

test('an upload is stored though the audit log is full', async () => {
  const registry = await openRegistry();
  const files = new OperatorTree(withoutAudit(registry), {
    principal: OPERATOR,
    log: registry.log,
    transfers: new Activity(),
  });
  const file = await files.open('/x', WRITE);
  await file.write?.(Buffer.from('abc'), 0);
  await file.close(NEVER);
  expect((await files.list('/')).map(({ filename }) => filename)).toEqual([hashOf('abc')]);
});

test('an upload that is abandoned leaves nothing', async () => {
  const registry = await openRegistry();
  const activity = new Activity();
  const files = new OperatorTree(registry, { principal: OPERATOR, log: registry.log, transfers: activity });
  const file = await files.open('/x', WRITE);
  await file.write?.(Buffer.from('abc'), 0);
  await file.abandon();
  expect(activity.running).toBe(0);
  expect([await registry.bytes.uploads(), await registry.bytes.clean()]).toEqual([[], 0]);
});

test('only whole new uploads are taken', async () => {
  const registry = await openRegistry();
  const files = new OperatorTree(registry, {
    principal: OPERATOR,
    log: registry.log,
    transfers: new Activity(),
  });
  expect(await kindOfRejection(files.open('/x', OPEN_FLAG.READ))).toBe('denied');
  expect(await kindOfRejection(files.open('/x', OPEN_FLAG.WRITE | OPEN_FLAG.APPEND))).toBe('unsupported');
  expect(await kindOfRejection(files.open('/', WRITE))).toBe('invalid');
  expect(await kindOfRejection(files.rename('/a', '/b'))).toBe('denied');
  expect(await kindOfRejection(files.setStat('/a'))).toBe('not-found');
});
