import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { openSource } from '@deploy-tools/sources/open-source.js';
import { pino } from 'pino';
import { beforeAll, expect, it, test } from 'vitest';
import { type OciServer, startOciServer } from '../../../../test/support/oci-server.js';
import { describeWith } from '../../../../test/support/requires.js';
import { fileScope, type Scope, testScope } from '../../../../test/support/scope.js';
import { tempDir } from '../../../../test/support/temp-dir.js';
import { kindOfRejection } from '../../../shared/test/support/kind-of.js';
import { patterned, readAll, type SourceSite, sourceContract } from '../contract/source-contract.js';

const SIGNAL = new AbortController().signal;

const open = (url: string, environment: Readonly<Record<string, string>> = {}) =>
  openSource(`${url}?os=linux&arch=amd64`, {
    environment,
    log: pino({ level: 'silent' }),
    timeoutMs: 20_000,
  });

describeWith(['docker-registry'], 'a real OCI registry', () => {
  const scope = fileScope();
  let server: OciServer;
  let places = 0;

  beforeAll(async () => {
    server = await startOciServer(scope);
  });

  async function openSite(): Promise<SourceSite & { readonly repository: string }> {
    places += 1;
    const repository = `team/app-${places}`;
    return {
      repository,
      source: await open(`img://${server.host}/${repository}`),
      publish: (tag, files) => server.push(repository, tag, Object.values(files)),
      remove: (tag) => server.remove(repository, tag),
      cleanUp: async () => {},
    };
  }

  sourceContract('img', openSite);

  it('an image of several platforms gives the layers of one, an image without it none', async () => {
    const { repository, source } = await openSite();
    const layers = { amd64: patterned(100), arm64: patterned(200) };
    for (const architecture of ['amd64', 'arm64'] as const)
      await server.push(repository, architecture, [layers[architecture]], { os: 'linux', architecture });
    const [amd64, arm64] = ['amd64', 'arm64'].map((architecture) => ({
      ...{ tag: architecture, os: 'linux', architecture },
    }));
    await server.index(
      repository,
      'v1.0.0',
      [arm64, amd64].filter((each) => each !== undefined),
    );
    await server.index(
      repository,
      'v2.0.0',
      [arm64].filter((each) => each !== undefined),
    );
    const listed = await source.list(undefined, SIGNAL);
    const artifactsOf = (tag: string) =>
      listed.releases.find((release) => release.tag === tag)?.artifacts ?? [];
    expect(artifactsOf('v2.0.0')).toEqual([]);
    const [layer] = artifactsOf('v1.0.0');
    if (layer === undefined) throw new Error('no layer');
    const { body } = await source.open(layer, { offset: 0 }, SIGNAL);
    expect((await readAll(body)).equals(layers.amd64)).toBe(true);
    // It may come: it is looked up again.
    await server.index(
      repository,
      'v2.0.0',
      [arm64, amd64].filter((each) => each !== undefined),
    );
    const again = await source.list(listed, SIGNAL);
    expect(again.releases.find(({ tag }) => tag === 'v2.0.0')?.artifacts).toHaveLength(1);
    expect(await source.list(again, SIGNAL)).toBe(again);
  });

  it('only the newest wanted tags have their layers looked up', async () => {
    const { source, publish } = await openSite();
    for (let minor = 0; minor < 8; minor++) await publish(`v1.${minor}.0`, { layer: patterned(10, minor) });
    await publish('latest', { layer: patterned(10, 99) });
    const { releases } = await source.list(undefined, SIGNAL);
    const lookedUp = releases.filter(({ artifacts }) => artifacts.length > 0).map(({ tag }) => tag);
    expect(lookedUp).toEqual(['v1.3.0', 'v1.4.0', 'v1.5.0', 'v1.6.0', 'v1.7.0']);
  });
});

/** A registry that lets nobody in without a token, as Docker's token specification says. */
async function tokenRegistry(
  scope: Scope,
  basic: string | undefined,
): Promise<{ host: string; asked: string[] }> {
  const asked: string[] = [];
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    const host = request.headers.host ?? '';
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://host');
    const { authorization } = request.headers;
    asked.push(`${pathname} ${authorization?.split(' ', 1)[0] ?? '-'}`);
    if (pathname === '/token') {
      const isKnown = authorization === basic && searchParams.get('scope') === 'repository:private/app:pull';
      response.writeHead(isKnown ? 200 : 401, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ token: 'the-token', expires_in: 300 }));
    } else if (authorization !== 'Bearer the-token') {
      const challenge = `Bearer realm="http://${host}/token",service="reg",scope="repository:private/app:pull"`;
      response.writeHead(401, { 'www-authenticate': challenge }).end();
    } else response.writeHead(200, { 'content-type': 'application/json' }).end('{"tags":["latest"]}');
  };
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  scope.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

test('a token is asked for once, with the login of the Docker configuration', async () => {
  const scope = testScope();
  const login = Buffer.from('me:secret').toString('base64');
  const { host, asked } = await tokenRegistry(scope, `Basic ${login}`);
  const config = tempDir(scope);
  mkdirSync(config, { recursive: true });
  writeFileSync(join(config, 'config.json'), JSON.stringify({ auths: { [host]: { auth: login } } }));
  const source = await open(`img://${host}/private/app`, { DOCKER_CONFIG: config });
  for (let looks = 0; looks < 2; looks++) await source.list(undefined, SIGNAL);
  expect(asked).toEqual([
    '/v2/private/app/tags/list -',
    '/token Basic',
    '/v2/private/app/tags/list Bearer',
    '/v2/private/app/tags/list Bearer',
  ]);
});

test('without a login, where one is needed, it is denied; a registry that is away cannot be reached', async () => {
  const scope = testScope();
  const { host } = await tokenRegistry(scope, 'Basic other');
  const source = await open(`img://${host}/private/app`, { DOCKER_CONFIG: tempDir(scope) });
  expect(await kindOfRejection(source.list(undefined, SIGNAL))).toBe('denied');
  const away = await open('img://127.0.0.1:1/app', { DOCKER_CONFIG: tempDir(scope) });
  expect(await kindOfRejection(away.list(undefined, SIGNAL))).toBe('connect');
});
