import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { verifySignature } from '@deploy-tools/agent/programs/deploy-file/verify-signature.js';
import { expect, it } from 'vitest';
import { testScope } from '../../../../../test/support/scope.js';
import { tempDir } from '../../../../../test/support/temp-dir.js';

it('takes a signature of who is allowed, over just this content, for files', async () => {
  const dir = tempDir(testScope());
  const keygen = (...args: string[]) => void execFileSync('ssh-keygen', args, { cwd: dir, stdio: 'ignore' });
  for (const name of ['ours', 'theirs']) keygen('-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', name);
  const allowed = join(dir, 'allowed');
  writeFileSync(allowed, `ci@example.com ${readFileSync(join(dir, 'ours.pub'), 'utf8')}`);
  const path = join(dir, 'archive');
  const signed = (key: string, namespace = 'file'): Buffer => {
    writeFileSync(path, 'content');
    keygen('-q', '-Y', 'sign', '-n', namespace, '-f', key, path);
    const signature = readFileSync(`${path}.sig`);
    rmSync(`${path}.sig`);
    return signature;
  };
  const verify = (signature: Uint8Array) =>
    verifySignature(
      { label: 'app.tar', path, signature, allowedSigners: allowed, dir },
      new AbortController().signal,
    );

  const ours = signed('ours');
  expect(await verify(ours)).toBe('ci@example.com');
  await expect(verify(signed('theirs'))).rejects.toMatchObject({
    kind: 'denied',
    message: expect.stringContaining('app.tar is not trusted: nobody in '),
  });
  await expect(verify(signed('ours', 'git'))).rejects.toMatchObject({ kind: 'denied' });
  await expect(verify(Buffer.from('no signature'))).rejects.toMatchObject({ kind: 'denied' });
  writeFileSync(path, 'other content');
  await expect(verify(ours)).rejects.toMatchObject({
    kind: 'denied',
    message: expect.stringContaining('the signature of ci@example.com is not of this file'),
  });
});
