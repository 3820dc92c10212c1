import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AuthorizedKey, parseAuthorizedKeys } from '@deploy-tools/registry/ssh/authorized-keys.js';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';

const NOW = new Date('2026-06-01T12:00:00Z');
const ED25519 = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIaBlNJ7WLgIzBhJf0iRw1QpLLv0DDuLvXwQHSSvYZVo';
const SK =
  'sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIIaBlNJ7WLgIzBhJf0iRw1QpLLv0DDuLvXwQHSSvYZVoAAAABHNzaDo=';

/** Of a text that has no bad line. */
function parse(text: string): readonly AuthorizedKey[] {
  const { keys, problems } = parseAuthorizedKeys(text, 'agent');
  expect(problems).toEqual([]);
  return keys;
}
const problemsOf = (text: string) => parseAuthorizedKeys(text, 'agent').problems;
const admits = (options: string, address: string, now = NOW) =>
  parse(`${options} ${ED25519} ops`)[0]?.admits(address, now);

interface Generated {
  readonly line: string;
  readonly fingerprint: string;
}

const TYPES = [
  ['ed25519', []],
  ['ecdsa', ['-b', '256']],
  ['ecdsa', ['-b', '384']],
  ['ecdsa', ['-b', '521']],
  ['rsa', ['-b', '2048']],
  ['rsa', ['-b', '1024']],
] as const;

const keys = new Map<string, Generated>();

beforeAll(() => {
  const dir = mkdtempSync(join(tmpdir(), 'deploy-test-'));
  for (const [type, options] of TYPES) {
    const path = join(dir, `${type}${options.join('')}`);
    execFileSync('ssh-keygen', ['-q', '-t', type, ...options, '-N', '', '-C', 'who it is', '-f', path]);
    const fingerprint =
      execFileSync('ssh-keygen', ['-lf', `${path}.pub`], { encoding: 'utf8' }).split(' ')[1] ?? '';
    keys.set(`${type} ${options[1] ?? ''}`.trim(), {
      line: readFileSync(`${path}.pub`, 'utf8').trim(),
      fingerprint,
    });
  }
  rmSync(dir, { recursive: true });
});

describe('keys that ssh-keygen makes', () => {
  test.each(['ed25519', 'ecdsa 256', 'ecdsa 384', 'ecdsa 521', 'rsa 2048'])('%s', (name) => {
    const { line, fingerprint } = keys.get(name) ?? { line: '', fingerprint: '' };
    const [key] = parse(line);
    expect(key).toMatchObject({ fingerprint, comment: 'who it is' });
    expect(key?.blob.toString('base64')).toBe(line.split(' ')[1]);
    expect(key?.admits('203.0.113.9', NOW)).toBe(true);
  });

  test('RSA of less than 2048 bits is refused', () => {
    expect(problemsOf(keys.get('rsa 1024')?.line ?? '')).toEqual(['line 1: RSA key of less than 2048 bits']);
  });

  test('security keys are refused by name', () => {
    expect(problemsOf(SK)).toEqual(['line 1: keys of type sk-ssh-ed25519@openssh.com are not supported']);
  });
});

describe('a file', () => {
  test('may have comments, blank lines, CRLF, tabs and a byte order mark', () => {
    const other = keys
      .get('ecdsa 256')
      ?.line.replace(/ who it is$/, '')
      .replace(' ', '\t');
    const [first, second] = parse(
      `\ufeff# ours\r\n\r\n  ${ED25519} one\r\n\tno-pty\t${other}\ttwo words \r\n`,
    );
    expect([first?.comment, second?.comment]).toEqual(['one', 'two words']);
  });

  test('without a key has none', () => {
    for (const text of ['', '\n\n', '# only a comment\n']) expect(parse(text)).toEqual([]);
  });

  test('with one key on two lines: the second is bad unless it has the same options', () => {
    const restricted = `host="web1" ${ED25519} a`;
    expect(problemsOf(`${ED25519}\n\n${restricted}\n`)).toEqual([
      'line 3: line 1 has the same key with other options',
    ]);
    expect(problemsOf(`${restricted}\n${ED25519}\n`)).toHaveLength(1);
    expect(parse(`${restricted}\n${restricted} again\n`).map(({ comment }) => comment)).toEqual(['a']);
  });

  test('gives the keys of its good lines when others are bad', () => {
    const { keys: good, problems } = parseAuthorizedKeys(
      `broken\n${ED25519} ops\nssh-rsa AAAA\n`,
      'operator',
    );
    expect(good.map(({ comment }) => comment)).toEqual(['ops']);
    expect(problems).toEqual([expect.stringMatching(/^line 1: ./), expect.stringMatching(/^line 3: ./)]);
  });

  test.each([
    'garbage',
    'ssh-ed25519',
    'ssh-ed25519 ',
    'ssh-ed25519 !!!!',
    ED25519.slice(0, 60),
    `${ED25519}x`,
    ED25519.replace('ssh-ed25519', 'ssh-rsa'),
    'ssh-dss AAAAB3NzaC1kc3MAAACBAA==',
    'ssh-ed25519-cert-v01@openssh.com AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29tAAAA',
    '-----BEGIN OPENSSH PRIVATE KEY-----',
    `from="10.0.0.1 ${ED25519}`,
    `no-such-option ${ED25519}`,
    `command="/bin/true" ${ED25519}`,
    `cert-authority ${ED25519}`,
    `from=10.0.0.1 ${ED25519}`,
    `from ${ED25519}`,
    `from="" ${ED25519}`,
    `from="*.example.org" ${ED25519}`,
    `from="10.0.0.0/33" ${ED25519}`,
    `from="10.0.0/8" ${ED25519}`,
    `expiry-time="soon" ${ED25519}`,
    `expiry-time="20261301" ${ED25519}`,
    `expiry-time=20260101 ${ED25519}`,
    `host="" ${ED25519}`,
    `host="web 1" ${ED25519}`,
    `host=web1 ${ED25519}`,
    `host="web1",host="web2" ${ED25519}`,
    `config="" ${ED25519}`,
    `config="a,,b" ${ED25519}`,
    `config="a,!" ${ED25519}`,
    `config="a",config="b" ${ED25519}`,
    `config=a ${ED25519}`,
    `no-pty="yes" ${ED25519}`,
    `no-pty\\ ${ED25519}`,
    `restrict,,"x" ${ED25519}`,
  ])('with the bad line %j names it by its number', (line) => {
    const text = `# comment\n${ED25519} good\n\n${line}\n`;
    const { keys: good, problems } = parseAuthorizedKeys(text.replace(`${ED25519} good`, '#'), 'agent');
    expect(good).toEqual([]);
    expect(problems).toEqual([expect.stringMatching(/^line 4: ./)]);
  });

  test('of any text gives keys and problems, and throws nothing', () => {
    const piece = fc.constantFrom(
      ED25519,
      'from="',
      '10.0.0.0/8',
      '"',
      ',',
      ' ',
      '\\',
      '\\"',
      'no-pty',
      '=',
      '\n',
      '!',
      '*',
      'expiry-time="2026',
      '#',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string({ maxLength: 5 }))), (pieces) => {
        const { keys: good, problems } = parseAuthorizedKeys(pieces.join(''), 'agent');
        expect(good.length + problems.length).toBeLessThanOrEqual(pieces.length + 1);
      }),
      { numRuns: 1000 },
    );
  });

  test('of any options that are taken keeps every restriction', () => {
    const harmless = fc.constantFrom(
      'no-pty',
      'restrict',
      'pty',
      'No-Port-Forwarding',
      'no-X11-forwarding',
      'user-rc',
    );
    fc.assert(
      fc.property(fc.array(harmless), fc.array(harmless), (before, after) => {
        const options = [...before, 'from="10.0.0.0/8"', ...after].join(',');
        expect(admits(options, '10.1.2.3')).toBe(true);
        expect(admits(options, '11.1.2.3')).toBe(false);
      }),
    );
  });
});

describe('from=', () => {
  test.each([
    ['10.0.0.0/8', '10.255.0.1', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['192.168.1.*', '192.168.1.77', true],
    ['192.168.1.*', '192.168.11.7', false],
    ['192.168.1.?', '192.168.1.77', false],
    ['192.168.1.7', '192.168.1.7', true],
    ['192.168.1.7', '192.168.1.77', false],
    ['192.168.1.7', '192a168b1c7', false],
    ['10.0.0.0/8,!10.1.2.3', '10.1.2.3', false],
    ['10.0.0.0/8,!10.1.2.3', '10.1.2.4', true],
    ['!10.1.2.3', '10.1.2.4', false],
    ['!10.1.2.0/24, 10.0.0.0/8', '10.1.2.9', false],
    ['2001:db8::/32', '2001:db8:1::9', true],
    ['2001:DB8::1', '2001:db8::1', true],
    ['2001:db8:0:0:0:0:0:1', '2001:db8::1', true],
    ['fe80::/10', 'fe80::1%eth0', true],
    ['10.0.0.0/8', 'fe80::1%eth0', false],
    ['*', '203.0.113.9', true],
  ])('"%s" and %s: %s', (patterns, address, expected) => {
    expect(admits(`from="${patterns}"`, address)).toBe(expected);
  });

  test.each([
    ['10.0.0.0/8', '::ffff:10.1.2.3', true],
    ['10.1.2.3', '::ffff:10.1.2.3', true],
    ['10.1.*', '::ffff:10.1.2.3', true],
    ['10.0.0.0/8,!10.1.2.3', '::ffff:10.1.2.3', false],
    ['10.0.0.0/8,!10.1.2.*', '::ffff:10.1.2.3', false],
    ['*,!2001:db8:0:0::1', '2001:db8::1', false],
  ])('"%s" means the same on a socket for both families: %s: %s', (patterns, address, expected) => {
    expect(admits(`from="${patterns}"`, address)).toBe(expected);
  });
});

describe('expiry-time=', () => {
  test.each([
    ['20260601120001Z', true],
    ['20260601120000Z', false],
    ['202606011159Z', false],
    ['20270101', true],
    ['20250101', false],
  ])('%s', (text, expected) => {
    expect(admits(`expiry-time="${text}"`, '10.0.0.1')).toBe(expected);
  });

  test('holds together with from=', () => {
    const options = 'from="10.0.0.0/8",expiry-time="20270101Z"';
    expect([admits(options, '10.0.0.1'), admits(options, '11.0.0.1')]).toEqual([true, false]);
    expect(admits(options, '10.0.0.1', new Date('2027-01-02T00:00:00Z'))).toBe(false);
  });
});

describe('host=', () => {
  const hostOf = (line: string) => parse(line)[0]?.host;

  test('is the one host that the key reports as', () => {
    expect(hostOf(`host="web1" ${ED25519} ops`)).toBe('web1');
    expect(hostOf(`restrict,host="web1.example.org",from="10.0.0.0/8" ${ED25519}`)).toBe('web1.example.org');
    expect(hostOf(ED25519)).toBeUndefined();
  });

  test('several keys may have the same one: the old and the new key of a host', () => {
    const [old, now] = [...keys.values()].map(({ line }) => `host="web1" ${line}`);
    expect(parse(`${old}\n${now}\n`).map(({ host }) => host)).toEqual(['web1', 'web1']);
  });

  test('makes no sense for operators: the line is bad', () => {
    const { problems } = parseAuthorizedKeys(`host="web1" ${ED25519}`, 'operator');
    expect(problems).toEqual(['line 1: option host is not supported']);
  });
});

describe('config=', () => {
  const configOf = (line: string) => parse(line)[0]?.config;

  test('is kept as it is written, quotes unescaped', () => {
    expect(configOf(`config="web,static-*,!static-old" ${ED25519}`)).toBe('web,static-*,!static-old');
    expect(configOf(`host="web1",config="a \\"b\\" c",no-pty ${ED25519}`)).toBe('a "b" c');
    expect(configOf(ED25519)).toBeUndefined();
  });

  test('makes no sense for operators: the line is bad', () => {
    const { problems } = parseAuthorizedKeys(`config="web" ${ED25519}`, 'operator');
    expect(problems).toEqual(['line 1: option config is not supported']);
  });
});
