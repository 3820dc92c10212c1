import { execFileSync } from 'node:child_process';
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { retryAfterOf } from '@deploy-tools/sources/objects/http-errors.js';
import { bucketAndKey, showUrl } from '@deploy-tools/sources/objects/show-url.js';
import { describe, expect, it } from 'vitest';
import { testScope } from '../../../../test/support/scope.js';
import { tempDir } from '../../../../test/support/temp-dir.js';
import { kindOf, kindOfRejection } from '../../../shared/test/support/kind-of.js';
import { bytesOf, openAt, opener } from './open-objects.js';

const open = opener();

describe('a file', () => {
  it('is read from an offset while it is the same', async () => {
    const path = join(tempDir(testScope()), 'a #1.tar');
    writeFileSync(path, 'content');
    const url = pathToFileURL(path).href;
    const { validator, ...whole } = await openAt(open, url);
    expect(whole).toMatchObject({ size: 7, offset: 0 });
    expect((await bytesOf({ validator, ...whole })).toString()).toBe('content');
    expect((await bytesOf(await openAt(open, url, { offset: 3, validator }))).toString()).toBe('tent');
    const none = await openAt(open, url, { offset: 7, validator });
    expect([none.offset, (await bytesOf(none)).length]).toEqual([7, 0]);
    appendFileSync(path, ' and more');
    const anew = await openAt(open, url, { offset: 3, validator });
    expect([anew.offset, (await bytesOf(anew)).toString()]).toEqual([0, 'content and more']);
  });

  it('has to be there, and to be one', async () => {
    const dir = tempDir(testScope());
    execFileSync('mkfifo', [join(dir, 'fifo')]);
    expect(await kindOfRejection(openAt(open, `file://${dir}/none`))).toBe('not-found');
    expect(await kindOfRejection(openAt(open, `file://${dir}/fifo`))).toBe('invalid');
    expect(await kindOfRejection(openAt(open, `file://${dir}`))).toBe('invalid');
    expect(await kindOfRejection(openAt(open, 'file://elsewhere/etc/hostname'))).toBe('invalid');
  });
});

describe('URLs', () => {
  it.each(['', 'app.tar.gz', '/srv/app.tar.gz', 'ftp://host/a', 'constructor:a', 's3://bucket', 'gs:///a'])(
    '%j is refused',
    async (url) => {
      expect(await kindOfRejection(openAt(open, url))).toBe('invalid');
    },
  );

  it('are shown without secrets', () => {
    expect(showUrl('https://me:secret@host:1/a/b?X-Amz-Signature=1#x')).toBe('https://host:1/a/b');
    expect(showUrl('s3://bucket/a%20b?endpoint=http://x')).toBe('s3://bucket/a%20b');
    expect(showUrl('//me:secret@host/a?b')).toBe('//host/a');
  });

  it('name a bucket and a key', () => {
    expect(bucketAndKey(new URL('s3://my_Bucket/a/b%20c%3Fd'))).toEqual({
      bucket: 'my_Bucket',
      key: 'a/b c?d',
    });
    expect(kindOf(() => bucketAndKey(new URL('s3://bucket/%E0%A4%A')))).toBe('invalid');
  });
});

describe('Retry-After', () => {
  it('is seconds or a date, within a day', () => {
    const now = Date.parse('2026-11-26T10:00:00Z');
    expect(retryAfterOf(' 120 ', now)).toBe(120_000);
    expect(retryAfterOf('Thu, 26 Nov 2026 10:00:30 GMT', now)).toBe(30_000);
    expect(retryAfterOf('Thu, 26 Nov 2020 10:00:30 GMT', now)).toBe(0);
    expect(retryAfterOf('99999999999', now)).toBe(86_400_000);
    expect([retryAfterOf('soon', now), retryAfterOf('', now), retryAfterOf(undefined, now)]).toEqual(
      Array(3).fill(undefined),
    );
  });
});
