import { expect, it } from 'vitest';
import { RawSftp, statusName } from '../support/raw-sftp.js';
import { testScope } from '../support/scope.js';
import { partialUploads, storedUploads } from '../support/upload-files.js';
import { startWorld } from '../support/world.js';

const GIB = 1024 ** 3;

it('two bytes written at 10 GiB cost no hashing of 10 GiB: they are refused at once', async () => {
  const scope = testScope();
  const world = await startWorld(scope);
  const sftp = await RawSftp.open(scope, world.operator);
  const handle = await sftp.create('/x');
  const written = await sftp.write(handle, 10 * GIB, Buffer.from('xx'));
  const begun = performance.now();
  const closed = await sftp.close(handle);
  expect(performance.now() - begun).toBeLessThan(10_000);
  expect([statusName(written.status), statusName(closed.status)]).toContain('FAILURE');
  expect(statusName(closed.status)).toBe('FAILURE');
  expect([...partialUploads(world), ...storedUploads(world)]).toEqual([]);
  const audit = await world.operator.exec('audit -failed -json');
  expect(JSON.parse(audit.stdout)).toMatchObject([
    {
      command: 'upload',
      error: expect.stringMatching(/hole: its bytes 0 to 10737418239 were never|too little for uploads/),
    },
  ]);
});
