import { DeployError } from '@deploy-tools/shared/errors.js';
import { parseSourceUrl } from '@deploy-tools/sources/source-url.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { kindOf } from '../../shared/test/support/kind-of.js';

const HERE = { os: 'linux', arch: 'x86_64' };

describe('parseSourceUrl', () => {
  it.each([
    ['ghr://linyows/Dewy', { scheme: 'ghr', owner: 'linyows', repository: 'Dewy' }],
    ['ghr://Owner/repo.js/', { scheme: 'ghr', owner: 'Owner', repository: 'repo.js' }],
    [
      's3://eu-west-1/bucket',
      { scheme: 's3', region: 'eu-west-1', bucket: 'bucket', prefix: '', endpoint: undefined },
    ],
    [
      's3://eu-west-1/bucket/a/b/?endpoint=http://127.0.0.1:9000/',
      {
        scheme: 's3',
        region: 'eu-west-1',
        bucket: 'bucket',
        prefix: 'a/b',
        endpoint: 'http://127.0.0.1:9000',
      },
    ],
    ['gs://bucket/a/b', { scheme: 'gs', bucket: 'bucket', prefix: 'a/b' }],
    ['gs://bucket', { scheme: 'gs', bucket: 'bucket', prefix: '' }],
    ['grpc://localhost:9000?no-tls=true', { scheme: 'grpc', host: 'localhost', port: 9000, tls: false }],
    ['grpc://[::1]:9000', { scheme: 'grpc', host: '[::1]', port: 9000, tls: true }],
    ['img://ghcr.io/owner/app', { scheme: 'img', host: 'ghcr.io', repository: 'owner/app' }],
    ['img://localhost:5000/app', { scheme: 'img', host: 'localhost:5000', repository: 'app' }],
    ['file:///srv/re%20leases/', { scheme: 'file', directory: '/srv/re leases' }],
  ])('%s', (url, place) => {
    expect(parseSourceUrl(url, HERE)).toMatchObject({ label: url, place });
  });

  it('reads what is wanted', () => {
    expect(parseSourceUrl('ghr://o/r', HERE).wants).toEqual({
      choice: 'files',
      artifact: undefined,
      preRelease: false,
      calver: undefined,
      constraint: undefined,
      slot: undefined,
      platform: { os: 'linux', arch: 'amd64' },
      checksum: 'when-present',
    });
    const all =
      'ghr://o/r?artifact=a%2Bb.tgz&pre-release=true&constraint=^1.2&slot=blue&checksum=required&os=macos&arch=aarch64';
    expect(parseSourceUrl(all, HERE).wants).toEqual({
      choice: 'files',
      artifact: 'a+b.tgz',
      preRelease: true,
      calver: undefined,
      constraint: '^1.2',
      slot: 'blue',
      platform: { os: 'darwin', arch: 'arm64' },
      checksum: 'required',
    });
    expect(parseSourceUrl('img://ghcr.io/a/b?calver=YYYY.0M', HERE).wants).toMatchObject({
      choice: 'image',
      calver: 'YYYY.0M',
    });
    expect(parseSourceUrl('grpc://host:1', HERE).wants.choice).toBe('given');
  });

  it.each([
    'ghr://owner',
    'ghr://owner/repo/more',
    'ghr:owner/repo',
    's3://region',
    's3:///bucket',
    's3://r/b?endpoint=ftp://x',
    's3://r/b?endpoint=http://u:p@x',
    'grpc://host',
    'grpc://host:1/path',
    'img://host',
    'img://host/Upper',
    'file://host/dir',
    'file:///',
    'file:///a/../../etc',
    'gs://b/a/../c',
    'gs://b/a//c',
    'gs://b/%zz',
    'gs://b/a%00',
    'https://host/x',
    'no url',
    'ghr://o/r#x',
    'ghr://o/r?pre-release=yes',
    'ghr://o/r?checksum=maybe',
    'ghr://o/r?constraint=one',
    'ghr://o/r?calver=foo',
    'ghr://o/r?calver=YYYY&constraint=1',
    'ghr://o/r?artifact=',
    'ghr://o/r?artifact=a&artifact=b',
    'img://host/a?artifact=x',
    'grpc://host:1?constraint=^1',
  ])('refuses %s', (url) => {
    expect(kindOf(() => parseSourceUrl(url, HERE))).toBe('invalid');
  });

  it('names an unknown option and those that there are', () => {
    expect(() => parseSourceUrl('ghr://o/r?prerelease=true', HERE)).toThrow(
      'ghr:// URLs have no option "prerelease"',
    );
  });

  it.each([
    'ghr://user:hunter2@o/r',
    'ghr://hunter2@o/r',
    's3://r/b?secret_access_key=hunter2',
    'gs://b?X-Goog-Signature=hunter2',
    'ghr://o/r?token=hunter2',
    'grpc://h:1?API_KEY=hunter2&bad=%zz',
  ])('refuses the secret in %s without repeating it', (url) => {
    let message = '';
    try {
      parseSourceUrl(url, HERE);
    } catch (error) {
      message = error instanceof DeployError ? `${error.message} ${error.hint}` : 'not a DeployError';
    }
    expect(message).toMatch(/in the URL of a source/);
    expect(message).not.toMatch(/hunter2/);
  });

  it('takes any text, and throws only errors of ours', () => {
    const scheme = fc.constantFrom('ghr', 's3', 'gs', 'grpc', 'img', 'file', 'x');
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.tuple(scheme, fc.string()).map(([s, rest]) => `${s}://${rest}`),
    );
    fc.assert(
      fc.property(text, (url) => {
        expect(['invalid', 'nothing thrown']).toContain(kindOf(() => parseSourceUrl(url, HERE)));
      }),
    );
  });
});
