import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAddress } from '@deploy-tools/shared/client/address.js';
import { checkHostKey, knownKeyTypes, parseKnownHosts } from '@deploy-tools/shared/client/known-hosts.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { makeKey, temporaryDirectory } from './ssh-tools.js';

/** A blob that is well-formed for what reads only its type. */
function blob(type: string, filler: number): Buffer {
  const name = Buffer.from(type);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(name.length);
  return Buffer.concat([length, name, Buffer.alloc(32, filler)]);
}

const [A, B] = [blob('ssh-ed25519', 1), blob('ssh-ed25519', 2)];
const RSA = blob('ssh-rsa', 3);
const line = (hosts: string, key: Buffer, marker = '') => {
  const type = key === RSA ? 'ssh-rsa' : 'ssh-ed25519';
  return `${marker}${hosts} ${type} ${key.toString('base64')} a comment\n`;
};
const verdict = (text: string, addr: string, key: Buffer) =>
  checkHostKey(parseKnownHosts(text), parseAddress(addr), key);

describe('a host key', () => {
  test.each([
    ['match', line('[reg]:2022', A)],
    ['match', line('[REG]:2022', A)],
    ['match', line('[r?g]:20*', A)],
    ['match', line('other,[reg]:2022,third', A)],
    ['match', line('[reg]:2022', B) + line('[reg]:2022', A)],
    ['match', line('reg', A)],
    ['match', line('*', A)],
    ['mismatch', line('[reg]:2022', B)],
    ['mismatch', line('[reg]:2022', B) + line('reg', B)],
    ['unknown', line('reg', B)],
    ['unknown', line('[reg]:2023', A)],
    ['unknown', line('[reg]:2022', RSA)],
    ['unknown', line('[r*]:2022,![reg]:2022', A)],
    ['unknown', line('[reg]:2022', A, '@cert-authority ')],
    ['unknown', ''],
    ['revoked', line('*', A, '@revoked ')],
    ['revoked', line('[reg]:2022', A) + line('*', A, '@revoked ')],
    ['revoked', line('reg', A, '@revoked ')],
    ['match', line('[reg]:2022', A) + line('*', B, '@revoked ')],
  ])('is a %s for %j', (expected, text) => {
    expect(verdict(text, 'reg:2022', A)).toBe(expected);
  });

  test('on port 22 is looked up by the bare name', () => {
    expect(verdict(line('reg', A), 'reg:22', A)).toBe('match');
    expect(verdict(line('[reg]:22', A), 'reg:22', A)).toBe('unknown');
  });

  test('of an IPv6 address is looked up in brackets', () => {
    expect(verdict(line('[fe80::1]:2022', A), '[fe80::1]:2022', A)).toBe('match');
  });
});

describe('a bad line', () => {
  test.each([
    '[reg]:2022',
    '[reg]:2022 ssh-ed25519',
    '[reg]:2022 ssh-ed25519 %%%',
    `[reg]:2022 ssh-rsa ${A.toString('base64')}`,
    `@other [reg]:2022 ssh-ed25519 ${A.toString('base64')}`,
    `@cert-authority [reg]:2022 ssh-ed25519 ${A.toString('base64')}`,
    'reg 1024 35 1234567',
  ])('%j is skipped, and the others count', (bad) => {
    const known = parseKnownHosts(`# comment\n\n${bad}\r\n${line('[reg]:2022', A)}`);
    expect(known).toHaveLength(1);
    expect(checkHostKey(known, parseAddress('reg:2022'), A)).toBe('match');
  });
});

test('the key types of a host are those under its own port, else those of the bare name', () => {
  const known = parseKnownHosts(
    line('reg', A) + line('[reg]:2022', RSA) + line('[reg]:2022', A, '@revoked '),
  );
  expect(knownKeyTypes(known, parseAddress('reg:2022'))).toEqual(['ssh-rsa']);
  expect(knownKeyTypes(known, parseAddress('reg:2023'))).toEqual(['ssh-ed25519']);
  expect(knownKeyTypes(known, parseAddress('other:2022'))).toEqual([]);
});

describe('files that ssh-keygen made', () => {
  test('hashed names are found as ssh-keygen -F finds them', () => {
    const dir = temporaryDirectory();
    const path = join(dir, 'known_hosts');
    const key = makeKey(dir, 'host');
    const hosts = ['[registry.example]:2022', 'plain.example', '[fe80::1]:2022', '[10.0.0.1]:22222'];
    writeFileSync(path, hosts.map((host) => `${host} ${key.publicLine}\n`).join(''));
    execFileSync('ssh-keygen', ['-H', '-f', path], { stdio: 'ignore' });
    const known = parseKnownHosts(execFileSync('cat', [path], { encoding: 'utf8' }));
    expect(known.every((entry) => entry.hosts.startsWith('|1|'))).toBe(true);
    for (const addr of [
      'registry.example:2022',
      'registry.example:2023',
      'plain.example:22',
      '[fe80::1]:2022',
    ]) {
      const { host, port } = parseAddress(addr);
      const name = port === 22 ? host : `[${host}]:${port}`;
      const found = spawnSync('ssh-keygen', ['-F', name, '-f', path]).status === 0;
      expect(checkHostKey(known, { host, port }, key.blob)).toBe(found ? 'match' : 'unknown');
    }
  });

  test('patterns match as ssh-keygen -F matches them', () => {
    const dir = temporaryDirectory();
    const path = join(dir, 'known_hosts');
    const { blob: key, publicLine } = makeKey(dir, 'host');
    const letters = fc.constantFrom('a', 'b', '.', '*', '?');
    const pattern = fc
      .tuple(fc.constantFrom('', '', '!'), fc.array(letters, { minLength: 1, maxLength: 5 }))
      .map(([negation, parts]) => negation + parts.join(''));
    const name = fc
      .array(fc.constantFrom('a', 'b', '.'), { minLength: 1, maxLength: 5 })
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.array(pattern, { minLength: 1, maxLength: 3 }), name, (patterns, host) => {
        const text = `${patterns.join(',')} ${publicLine}\n`;
        writeFileSync(path, text);
        const found = spawnSync('ssh-keygen', ['-F', host, '-f', path]).status === 0;
        expect(checkHostKey(parseKnownHosts(text), { host, port: 22 }, key)).toBe(
          found ? 'match' : 'unknown',
        );
      }),
      { numRuns: 150 },
    );
  });
});

describe('any text', () => {
  test('is read without an exception, a line as one entry at most', () => {
    const word = fc.oneof(
      fc.string(),
      fc.constantFrom(
        '@revoked',
        '@cert-authority',
        '#',
        '|1|',
        '|1|AAAA|BBBB',
        'ssh-ed25519',
        '*',
        '!',
        ',',
      ),
      fc.constant(A.toString('base64')),
    );
    const text = fc
      .array(fc.array(word, { maxLength: 5 }).map((words) => words.join(' ')))
      .map((lines) => lines.join('\n'));
    fc.assert(
      fc.property(text, (content) => {
        const known = parseKnownHosts(content);
        expect(known.length).toBeLessThanOrEqual(content.split('\n').length);
        expect(['match', 'mismatch', 'unknown', 'revoked']).toContain(
          checkHostKey(known, { host: 'reg', port: 2022 }, A),
        );
      }),
    );
  });

  test('in front of it does not change what an entry says', () => {
    fc.assert(
      fc.property(fc.string(), (noise) => {
        const safe = noise.replace(/[\n\r]/g, '');
        expect(verdict(`#${safe}\n${line('[reg]:2022', A)}`, 'reg:2022', A)).toBe('match');
      }),
    );
  });
});
