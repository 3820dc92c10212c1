import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { openSource } from '@deploy-tools/sources/open-source.js';
import { pino } from 'pino';
import { beforeAll, expect, it, vi } from 'vitest';
import { describeWithPython } from '../../../../test/support/requires.js';
import { type S3Server, SWIFT, startS3Server } from '../../../../test/support/s3-server.js';
import { fileScope } from '../../../../test/support/scope.js';
import { kindOfRejection } from '../../../shared/test/support/kind-of.js';
import { type SourceSite, sourceContract } from '../contract/source-contract.js';

const SIGNAL = new AbortController().signal;

describeWithPython(...SWIFT, 'a bucket of a real S3 server', () => {
  const scope = fileScope();
  let server: S3Server;
  let places = 0;

  beforeAll(async () => {
    server = await startS3Server(scope);
    // The SDK finds credentials in the environment of the process.
    for (const [name, value] of Object.entries(server.environment)) vi.stubEnv(name, value);
    scope.defer(() => void vi.unstubAllEnvs());
  });

  /** A prefix of its own, with what does not belong to it around it. */
  async function openSite(): Promise<SourceSite & { readonly prefix: string }> {
    places += 1;
    const prefix = `app ${places}/releases`;
    await server.put('releases', `${prefix}.txt`, 'beside');
    await server.put('releases', `${prefix}/README`, 'no version');
    await server.put('releases', `${prefix}-2/v9.0.0/app_linux_amd64.tar.gz`, 'of another');
    const endpoint = encodeURIComponent(server.endpoint);
    const url = `s3://us-east-1/releases/${encodeURI(prefix)}?endpoint=${endpoint}`;
    const files = new Map<string, string[]>();
    return {
      prefix,
      source: await openSource(url, { environment: server.environment, log: pino({ level: 'silent' }) }),
      publish: async (tag, contents) => {
        for (const [name, bytes] of Object.entries(contents)) {
          await server.put('releases', `${prefix}/${tag}/${name}`, bytes);
          files.set(tag, [...(files.get(tag) ?? []), name]);
        }
      },
      remove: async (tag) => {
        for (const name of files.get(tag) ?? []) {
          await server.client.send(
            new DeleteObjectCommand({ Bucket: 'releases', Key: `${prefix}/${tag}/${name}` }),
          );
        }
      },
      cleanUp: async () => {},
    };
  }

  sourceContract('s3', openSite);

  it('is listed page by page, and what lies deeper is left out', async () => {
    const { source, prefix } = await openSite();
    const tags = Array.from({ length: 12 }, (_, at) => `v1.${at}.0`);
    for (const tag of tags) await server.put('releases', `${prefix}/${tag}/a`, tag);
    await server.put('releases', `${prefix}/v1.0.0/deeper/b`, 'b');
    const { releases } = await source.list(undefined, SIGNAL);
    expect(releases.map(({ tag }) => tag).sort()).toEqual(tags.sort());
    expect(releases.flatMap(({ artifacts }) => artifacts.map(({ name }) => name))).toEqual(
      tags.map(() => 'a'),
    );
  });

  it('that is not there is not found, and wrong credentials are denied', async () => {
    const endpoint = encodeURIComponent(server.endpoint);
    const open = (url: string) =>
      openSource(url, { environment: server.environment, log: pino({ level: 'silent' }) });
    const gone = await open(`s3://us-east-1/nowhere?endpoint=${endpoint}`);
    expect(await kindOfRejection(gone.list(undefined, SIGNAL))).toBe('not-found');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'wrong');
    const denied = await open(`s3://us-east-1/releases?endpoint=${endpoint}`);
    expect(await kindOfRejection(denied.list(undefined, SIGNAL))).toBe('denied');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', server.environment.AWS_SECRET_ACCESS_KEY ?? '');
  });
});
