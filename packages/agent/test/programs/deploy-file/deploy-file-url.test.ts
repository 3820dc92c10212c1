import { manifestUrl } from '@deploy-tools/agent/programs/deploy-file/deploy-file-url.js';
import { describe, expect, it } from 'vitest';
import { kindOfRejection } from '../../../../shared/test/support/kind-of.js';

/** As `consul watch -type event` writes them; from Consul's documentation of its HTTP API. */
function consulEvents(...payloads: readonly (string | null)[]): string {
  const events = payloads.map((payload, index) => ({
    ID: `b54fe110-7af5-cafc-d1fb-afc8ba432b1${index}`,
    Name: 'deploy',
    Payload: payload === null ? null : Buffer.from(payload).toString('base64'),
    NodeFilter: '',
    ServiceFilter: '',
    TagFilter: '',
    Version: 1,
    LTime: index,
  }));
  return JSON.stringify(events);
}

async function* stdinOf(text: string): AsyncGenerator<Uint8Array> {
  const bytes = Math.max(7, text.length / 100);
  for (let at = 0; at < text.length; at += bytes) yield Buffer.from(text.slice(at, at + bytes));
}

function urlOf(
  text: string,
  environment: Record<string, string> = {},
  argument?: string,
): Promise<string | undefined> {
  return manifestUrl({ argument, environment, stdin: stdinOf(text) });
}

const URL_OF_IT = 's3://example.com/deploy-20141117-112233.yml';

describe('which manifest', () => {
  it('is a line, of which the rest is not waited for', async () => {
    async function* endless(): AsyncGenerator<Uint8Array> {
      yield Buffer.from(`${URL_OF_IT}\r\n`);
      await new Promise(() => {});
    }
    expect(await manifestUrl({ argument: undefined, environment: {}, stdin: endless() })).toBe(URL_OF_IT);
    expect(await urlOf(URL_OF_IT)).toBe(URL_OF_IT);
    expect(await urlOf(`${URL_OF_IT}\n`, { SERF_USER_EVENT: 'deploy' })).toBe(URL_OF_IT);
  });

  it('is the argument, whatever comes on standard input', async () => {
    expect(await urlOf('[]', { CONSUL_INDEX: '5' }, URL_OF_IT)).toBe(URL_OF_IT);
  });

  it("is the last of Consul's events", async () => {
    const events = consulEvents('s3://old/m.yml', `${URL_OF_IT}\n`);
    expect(await urlOf(events)).toBe(URL_OF_IT);
    expect(await urlOf(` ${events}`, { CONSUL_INDEX: '5' })).toBe(URL_OF_IT);
  });

  it.each(['[]', 'null', ''])('is none when Consul has no events: %j', async (text) => {
    expect(await urlOf(text, { CONSUL_INDEX: '5' })).toBeUndefined();
  });

  it.each([
    ['', {}],
    ['\nurl\n', {}],
    ['', { SERF_USER_EVENT: 'deploy' }],
    [consulEvents('url', null), {}],
    ['[1]', {}],
    ['[{', {}],
    ['{}', { CONSUL_INDEX: '5' }],
  ])('is none: %j', async (text, environment) => {
    expect(await kindOfRejection(urlOf(text, environment))).toBe('invalid');
  });

  it('is not looked for in what does not end', async () => {
    expect(await kindOfRejection(urlOf(`[${'x'.repeat(5_000_000)}`))).toBe('too-large');
  });
});
