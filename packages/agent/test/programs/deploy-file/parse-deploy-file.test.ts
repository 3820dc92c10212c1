import { parseDeployFile } from '@deploy-tools/agent/programs/deploy-file/parse-deploy-file.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { kindOf } from '../../../../shared/test/support/kind-of.js';

const SHA256 = 'A'.repeat(64);

/** A manifest of which the first line stays. */
function archive(more: string): string {
  return `src: s3://example.com/app.tar.gz\nchecksum: ${SHA256}\ndest: /home/app\n${more}`;
}

describe('parseDeployFile', () => {
  it('reads the example of the README of stretcher', () => {
    const text = `src: s3://example.com/app.tar.gz
checksum: e0840daaa97cd2cf2175f9e5d133ffb3324a2b93
dest: /home/stretcher/app
commands:
  pre:
    - echo 'staring deploy'
  post:
    - echo 'deploy done'
  success:
    - echo 'deploy success'
  failure:
    - echo 'deploy failed!!'
    - cat >> /path/to/failure.log
excludes:
  - "*.pid"
  - "*.socket"
`;
    expect(parseDeployFile(text, 'm.yml')).toEqual({
      archive: {
        src: 's3://example.com/app.tar.gz',
        checksum: { algorithm: 'sha1', hex: 'e0840daaa97cd2cf2175f9e5d133ffb3324a2b93', isWeak: true },
        signature: undefined,
        dest: '/home/stretcher/app',
        destMode: 0o755,
        excludes: ['*.pid', '*.socket'],
        excludeFrom: undefined,
        strategy: 'rsync',
      },
      commands: {
        pre: ["echo 'staring deploy'"],
        post: ["echo 'deploy done'"],
        success: ["echo 'deploy success'"],
        failure: ["echo 'deploy failed!!'", 'cat >> /path/to/failure.log'],
      },
      commandTimeoutMs: undefined,
    });
  });

  it('reads the other keys', () => {
    const text = archive(`dest_mode: 0711
exclude_from: ./exclude.list
sync_strategy: release
signature: s3://example.com/app.tar.gz.sig
timeout: 90
`);
    const { archive: read, commandTimeoutMs } = parseDeployFile(text, 'm.yml');
    expect(read).toMatchObject({
      checksum: { algorithm: 'sha256', hex: SHA256.toLowerCase(), isWeak: false },
      signature: 's3://example.com/app.tar.gz.sig',
      destMode: 0o711,
      excludeFrom: 'exclude.list',
      strategy: 'release',
    });
    expect(commandTimeoutMs).toBe(90_000);
  });

  it('takes keys without a value for absent, one text for a list of it, and each word as it is written', () => {
    const text =
      'src:\ncommands:\n  pre: |\n    if true; then\n      echo "a"\n    fi\n  post:\n  success: [true, 1.10]\n';
    const { archive: none, commands } = parseDeployFile(text, 'm.yml');
    expect(none).toBeUndefined();
    expect(commands).toEqual({
      pre: ['if true; then\n  echo "a"\nfi\n'],
      post: [],
      success: ['true', '1.10'],
      failure: [],
    });
  });

  it.each([
    [
      archive('destination: /x\n'),
      'm.yml: line 4, column 1: there is no key "destination" here; there are src, checksum',
    ],
    [
      archive('commands:\n  before:\n    - x\n'),
      'line 5, column 3: there is no key "before" here; there are pre, post',
    ],
    ['src: s3://a/b\n', 'src needs dest; line 1, column 1: src needs checksum, or signature'],
    ['src: s3://a/b\ndest: /a\nchecksum: xyz\n', 'line 3, column 11: checksum: "xyz" is no checksum'],
    ['src: s3://a/b\nchecksum: abc\ndest: app\n', '"app" is no absolute path'],
    [archive('dest_mode: 888\n'), 'line 4, column 12: dest_mode: "888" is no mode'],
    [archive('sync_strategy: copy\n'), 'there is no "copy" (use rsync, mv, release)'],
    [archive('exclude_from: ../../etc/passwd\n'), 'is no file inside the archive'],
    [archive('excludes: {a: b}\n'), 'excludes needs a list of texts'],
    [archive('timeout: 0\n'), '"0" is no time to wait'],
    ['- a\n', 'keys with values are expected here'],
    ['a: [\n', 'line 2'],
  ])('tells what is wrong with %j', (text, message) => {
    expect(() => parseDeployFile(text, 'm.yml')).toThrow(message);
    expect(kindOf(() => parseDeployFile(text, 'm.yml'))).toBe('invalid');
  });

  it('does not take the root directory for a destination', () => {
    for (const dest of ['/', '//', '/a/..'])
      expect(kindOf(() => parseDeployFile(`src: s3://a/b\nchecksum: ${SHA256}\ndest: ${dest}\n`, 'm'))).toBe(
        'invalid',
      );
  });

  it('reads or refuses whatever there is', () => {
    const pieces = fc.constantFrom(
      'src',
      'dest',
      'commands',
      'pre',
      ':',
      ' ',
      '\n',
      '- ',
      '"',
      '{',
      '[',
      '&a',
      '*a',
      '|',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 20 }), (parts) => {
        expect(['nothing thrown', 'invalid']).toContain(kindOf(() => parseDeployFile(parts.join(''), 'm')));
      }),
    );
  });
});
