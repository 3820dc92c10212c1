import { parseReceiverUrl } from '@deploy-tools/notices/receiver-url.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { kindOf } from '../../shared/test/support/kind-of.js';

describe('receiver URLs', () => {
  it.each([
    ['slack://deploys', { kind: 'slack', channel: 'deploys', quiet: false, threaded: false }],
    [
      'slack://C01AB2?title=my%20app&url=https://example.com/a&quiet=true&thread=true',
      { channel: 'C01AB2', title: 'my app', link: 'https://example.com/a', quiet: true, threaded: true },
    ],
    ['slack://%23deploys', { channel: 'deploys' }],
    [
      'smtp://mail.example.com/ops@example.com?from=deploy@example.com&subject=Deploys',
      { host: 'mail.example.com', port: 587, to: ['ops@example.com'], tls: 'required', subject: 'Deploys' },
    ],
    ['smtp://mail:465/a@x.de,b@x.de', { port: 465, to: ['a@x.de', 'b@x.de'], tls: 'implicit' }],
    ['smtp://[::1]:2525/a@x.de?tls=off', { host: '::1', tls: 'off' }],
    ['mail://mail/a@x.de?tls=true', { kind: 'smtp', tls: 'required' }],
    [
      'webhook+https://example.com/hook?a=1&b=2',
      { kind: 'webhook', url: 'https://example.com/hook?a=1&b=2' },
    ],
    [
      'webhook+http://example.com:8080/hook?secret-env=WEBHOOK_SECRET_A&a=1&quiet=true',
      { url: 'http://example.com:8080/hook?a=1', secret: { env: 'WEBHOOK_SECRET_A' }, quiet: true },
    ],
    ['webhook+https://x/?secret-file=/etc/s', { url: 'https://x/', secret: { file: '/etc/s' } }],
    ['exec:///opt/tell', { kind: 'exec', path: '/opt/tell', timeoutMs: 30_000 }],
    ['exec:///opt/with%20space?timeout=1m&quiet=true', { path: '/opt/with space', timeoutMs: 60_000 }],
  ])('%s', (text, expected) => {
    expect(parseReceiverUrl(text)).toMatchObject(expected);
  });

  it.each([
    '',
    'deploys',
    'https://example.com/hook',
    'slack://',
    'slack://a/b',
    'slack://deploys?chanel=x',
    'slack://deploys?quiet=maybe',
    'slack://deploys?url=javascript:alert(1)',
    'slack://deploys?title=a&title=b',
    'slack://xoxb-1@deploys',
    'slack://deploys?token=xoxb-1',
    'smtp://mail:587',
    'smtp://mail/nobody',
    'smtp://mail/a@x.de?from=me',
    'smtp://mail/a@x.de?tls=perhaps',
    'smtp://user:secret@mail/a@x.de',
    'smtp://user@mail/a@x.de',
    'smtp://mail/a@x.de?password=secret',
    'smtp://mail/a@x.de%0d%0aBcc:b@x.de',
    'webhook+https://user:secret@example.com/',
    'webhook+https://example.com/?access_token=1',
    'webhook+https://example.com/?secret-env=SLACK_TOKEN',
    'webhook+https://example.com/?secret-file=etc/s',
    'webhook+https://example.com/?secret-env=WEBHOOK_SECRET&secret-file=/etc/s',
    'webhook+ftp://example.com/',
    'exec://opt/tell',
    'exec:///opt/%2e%2e/bin/sh%00',
    'exec:///opt//tell',
    'exec:///opt/tell?timeout=1h',
  ])('refuses %s', (text) => {
    expect(kindOf(() => parseReceiverUrl(text))).toBe('usage');
  });

  it('refuses what is too long', () => {
    expect(kindOf(() => parseReceiverUrl(`slack://${'a'.repeat(3000)}`))).toBe('usage');
  });

  it('takes or refuses whatever comes, and never an unknown error', () => {
    const schemes = fc.constantFrom('slack://', 'smtp://', 'webhook+https://', 'exec:///', 'mail://', '');
    const parts = fc.constantFrom(
      'mail',
      '/',
      'a@x.de',
      '?',
      '&',
      '=',
      ':',
      '%',
      '%00',
      'tls',
      'quiet',
      '[',
      '#',
      '..',
    );
    const rests = fc.oneof(
      fc.string(),
      fc.array(parts, { maxLength: 8 }).map((list) => list.join('')),
    );
    fc.assert(
      fc.property(schemes, rests, (scheme, rest) => {
        expect(['usage', 'nothing thrown']).toContain(kindOf(() => parseReceiverUrl(scheme + rest)));
      }),
    );
  });
});
