import { artifactFormat, checksumFilesOf } from '@deploy-tools/sources/select/artifact-format.js';
import { chooseArtifacts } from '@deploy-tools/sources/select/choose-artifact.js';
import { canonicalPlatform, hostPlatform, platformOfName } from '@deploy-tools/sources/select/platform.js';
import type { Wants } from '@deploy-tools/sources/select/wants.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { release, wants } from './releases.js';

function choose(names: readonly string[], some: Partial<Wants> = {}, tag = 'v1.2.3'): string | undefined {
  const choice = chooseArtifacts(release(tag, names), wants(some));
  return 'artifacts' in choice ? choice.artifacts[0]?.name : undefined;
}

describe('the platform in a name', () => {
  it.each([
    ['myapp-linux-amd64.tar.gz', 'linux', 'amd64'],
    ['myapp-linux-x86_64.tar.gz', 'linux', 'amd64'],
    ['myapp_Linux_x86-64.tar.gz', 'linux', 'amd64'],
    ['MyApp-LINUX-AMD64.tar.gz', 'linux', 'amd64'],
    ['myapp.linux-amd64.tar.gz', 'linux', 'amd64'],
    ['myapp-linux64.zip', 'linux', 'amd64'],
    ['myapp-linuxamd64.zip', 'linux', 'amd64'],
    ['myapp-linux32.zip', 'linux', '386'],
    ['node-v20.1.0-linux-x64.tar.xz', 'linux', 'amd64'],
    ['myapp-linux-i686.tar.gz', 'linux', '386'],
    ['myapp-linux-x86.tar.gz', 'linux', '386'],
    ['myapp-linux-aarch64.tar.gz', 'linux', 'arm64'],
    ['myapp-linux-armv7.tar.gz', 'linux', 'arm'],
    ['myapp-aarch64-unknown-linux-musl.tar.gz', 'linux', 'arm64'],
    ['myapp-aarch64-linux-android.tar.gz', 'android', 'arm64'],
    ['myapp-macos-amd64.tar.gz', 'darwin', 'amd64'],
    ['myapp-x86_64-apple-darwin.tar.gz', 'darwin', 'amd64'],
    ['myapp-win64.zip', 'windows', 'amd64'],
    ['myapp-win32.zip', 'windows', undefined],
    ['linux-exporter_darwin_arm64.tar.gz', 'darwin', 'arm64'],
    ['darwin.tar.gz', 'darwin', undefined],
    ['twins-charm-darwinism-armada.tar.gz', undefined, undefined],
    ['myapp-linux.tar.gz', 'linux', undefined],
    ['myapp-amd64.tar.gz', undefined, 'amd64'],
    ['', undefined, undefined],
  ])('%s', (name, os, arch) => {
    expect(platformOfName(name)).toEqual({ os, arch });
  });

  it('is never found in the middle of a word', () => {
    const inside = fc.constantFrom('win', 'linux', 'arm', 'amd64', 'darwin', 'mac');
    const letters = fc.stringMatching(/^[q-z]{1,4}$/);
    fc.assert(
      fc.property(letters, inside, letters, (before, word, after) => {
        expect(platformOfName(`${before}${word}${after}`)).toEqual({ os: undefined, arch: undefined });
      }),
    );
  });

  it('has one spelling', () => {
    expect(canonicalPlatform({ os: 'MacOS', arch: 'x86_64' })).toEqual({ os: 'darwin', arch: 'amd64' });
    expect(canonicalPlatform({ os: 'plan9', arch: 'aarch64' })).toEqual({ os: 'plan9', arch: 'arm64' });
    expect(canonicalPlatform(hostPlatform())).toEqual(hostPlatform());
  });
});

describe('chooseArtifacts', () => {
  it.each<[string, string[], Partial<Wants>, string | undefined]>([
    [
      'the one for the system',
      ['a-windows-amd64.zip', 'a-linux-amd64.tar.gz', 'a-darwin-amd64.tar.gz'],
      {},
      'a-linux-amd64.tar.gz',
    ],
    [
      'by alias',
      ['a-linux-amd64.tgz', 'a-macos-x86_64.tgz'],
      { platform: { os: 'darwin', arch: 'amd64' } },
      'a-macos-x86_64.tgz',
    ],
    ['darwin is not win', ['a-darwin-amd64.zip'], { platform: { os: 'windows', arch: 'amd64' } }, undefined],
    ['arm64 is not arm', ['a-linux-arm64.zip'], { platform: { os: 'linux', arch: 'arm' } }, undefined],
    ['x86_64 is not x86', ['a-linux-x86_64.zip'], { platform: { os: 'linux', arch: '386' } }, undefined],
    ['none', ['a-windows-amd64.zip', 'a-darwin-arm64.tar.gz'], {}, undefined],
    ['nothing is for every system', ['docs.tar.gz'], {}, undefined],
    [
      'the version is no architecture',
      ['a-linux-amd64-1.2.386.tgz', 'a-linux-386-1.2.386.tgz'],
      {},
      'a-linux-amd64-1.2.386.tgz',
    ],
    [
      'no checksums, signatures, packages',
      [
        'a_linux_amd64.deb',
        'a_linux_amd64.tar.gz.sha256',
        'a_linux_amd64.tar.gz.asc',
        'a_linux_amd64.sbom.json',
      ],
      {},
      undefined,
    ],
    ['no record of a deployment', ['shipped_to_linux-amd64_server_at_20260101T000000Z.txt'], {}, undefined],
    ['an archive before a file', ['a_linux_amd64', 'a_linux_amd64.zip'], {}, 'a_linux_amd64.zip'],
    ['a single file', ['a_linux_amd64', 'a_linux_amd64.sha256'], {}, 'a_linux_amd64'],
    ['a single file with dots', ['a-1.2.3.linux.amd64'], {}, 'a-1.2.3.linux.amd64'],
    [
      'by format',
      ['a_linux_amd64.zip', 'a_linux_amd64.tar.xz', 'a_linux_amd64.tar.gz'],
      {},
      'a_linux_amd64.tar.gz',
    ],
    ['fewest words', ['a-debug_linux_amd64.tar.gz', 'a_linux_amd64.tar.gz'], {}, 'a_linux_amd64.tar.gz'],
    [
      'then by name',
      ['second_linux_amd64.tar.gz', 'first_linux_amd64.tar.gz'],
      {},
      'first_linux_amd64.tar.gz',
    ],
    ['artifact= is exact', ['site.tar.gz', 'site.tar.gz.sha256'], { artifact: 'site.tar.gz' }, 'site.tar.gz'],
    ['artifact= is not a part', ['my-site.tar.gz'], { artifact: 'site.tar.gz' }, undefined],
    ['artifact= minds case', ['Site.tar.gz'], { artifact: 'site.tar.gz' }, undefined],
  ])('%s', (_title, names, some, expected) => {
    expect(choose(names, some, 'v1.2.386')).toBe(expected);
    expect(choose([...names].reverse(), some, 'v1.2.386')).toBe(expected);
  });

  it('says what else would have fitted, and what is missing', () => {
    expect(
      chooseArtifacts(release('1.0.0', ['b_linux_amd64.zip', 'a_linux_amd64.zip']), wants()),
    ).toMatchObject({
      alsoFits: ['b_linux_amd64.zip'],
    });
    expect(
      chooseArtifacts(release('1.0.0', ['1', '2', '3', '4', '5', '6']), wants({ artifact: 'x' })),
    ).toEqual({
      missing: 'x is not there; it has 1, 2, 3, 4, 5 and 1 more',
    });
  });

  it('takes any names, and only what is there', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), fc.string(), (names, tag) => {
        const chosen = choose(names, {}, tag);
        if (chosen !== undefined) expect(names).toContain(chosen);
      }),
    );
  });
});

describe('names of artifacts', () => {
  it.each([
    ['a.tar.zst', 'tar.zst'],
    ['a.TGZ', 'tar.gz'],
    ['a.txz', 'tar.xz'],
    ['a.tbz2', 'tar.bz2'],
    ['a.zip', 'zip'],
    ['a.tar', 'tar'],
    ['.zip', 'other'],
    ['a.gz', 'other'],
    ['a.exe', 'other'],
    ['checksums.txt', 'other'],
    ['SHA256SUMS', 'other'],
    ['app', 'file'],
    ['app-1.2.3', 'file'],
  ])('%s is %s', (name, format) => {
    expect(artifactFormat(name)).toBe(format);
  });

  it('finds the files of checksums, its own first', () => {
    const names = [
      'app_1.0_checksums.txt',
      'SHA256SUMS',
      'a.zip.sha256',
      'b.zip.sha256',
      'SHA256SUMS.asc',
      'a.zip',
      'notes.txt',
    ];
    expect(checksumFilesOf('a.zip', names)).toEqual(['a.zip.sha256', 'SHA256SUMS', 'app_1.0_checksums.txt']);
    expect(checksumFilesOf('a.zip', ['a.zip'])).toEqual([]);
  });
});
