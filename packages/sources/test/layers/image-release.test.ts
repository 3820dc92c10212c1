import { execFileSync } from 'node:child_process';
import { createReadStream, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { findImage } from '@deploy-tools/ctl/from-docker/find-image.js';
import { makeLayers } from '@deploy-tools/ctl/from-docker/make-layers.js';
import { spoolArchive } from '@deploy-tools/ctl/from-docker/spool-archive.js';
import { fetchRelease } from '@deploy-tools/sources/layers/fetch-release.js';
import { openSource } from '@deploy-tools/sources/open-source.js';
import { selectRelease } from '@deploy-tools/sources/select/select-release.js';
import { parseSourceUrl } from '@deploy-tools/sources/source-url.js';
import { pino } from 'pino';
import { beforeAll, expect, it } from 'vitest';
import { type OciServer, startOciServer } from '../../../../test/support/oci-server.js';
import { describeWith } from '../../../../test/support/requires.js';
import { fileScope } from '../../../../test/support/scope.js';
import { makeTar } from '../../../shared/test/image/make-image.js';
import { mergeLayers } from '../../../shared/test/image/merge-layers.js';
import { kindOfRejection } from '../../../shared/test/support/kind-of.js';
import { temporaryDirectory } from '../../../shared/test/support/temporary-directory.js';

const SIGNAL = new AbortController().signal;
const FIXTURE = new URL('../../../ctl/test/fixtures/app-oci-archive.tar', import.meta.url).pathname;

describeWith(['docker-registry'], 'the layers of an image in a registry', () => {
  const scope = fileScope();
  let server: OciServer;

  beforeAll(async () => {
    server = await startOciServer(scope);
  });

  async function fetchImage(repository: string, layers: readonly Uint8Array[]) {
    await server.push(repository, 'v1.0.0', layers);
    const url = `img://${server.host}/${repository}?os=linux&arch=amd64`;
    const log = pino({ level: 'silent' });
    const source = await openSource(url, { environment: {}, log });
    const { wants } = parseSourceUrl(url);
    const picked = selectRelease((await source.list(undefined, SIGNAL)).releases, wants);
    if (picked.release === undefined) throw new Error(picked.reasons.join());
    const dir = temporaryDirectory();
    const fetched = () => fetchRelease(source, picked, dir, SIGNAL, { checksum: 'when-present', log });
    return { dir, fetched };
  }

  it('are those that deploy-from-docker makes of it, whiteouts applied', async () => {
    const { dir, fetched } = await fetchImage('example/app', storedLayers());
    const layers = await fetched();
    const image = findImage(await spoolArchive(createReadStream(FIXTURE), temporaryDirectory()));
    const made = await makeLayers(image, 'app', temporaryDirectory(), SIGNAL);
    expect(layers.map(({ hash, size }) => ({ hash, size }))).toEqual(
      made.map(({ hash, size }) => ({ hash, size })),
    );
    expect(mergeLayers(layers.map(({ path }) => readFileSync(path)))).toEqual({
      app: 'dir',
      'app/cache': 'dir',
      'app/cache/three': 'new\n',
      'app/conf': 'dir',
      'app/conf/site.conf': 'site\n',
      'app/link': '-> program.txt',
      'app/program.txt': 'v2 program\n',
    });
    expect(readdirSync(dir).sort()).toEqual(layers.map(({ hash }) => `${hash}.layer`).sort());
  });

  it('may be the same twice, and are the same however they are compressed', async () => {
    const tars = [makeTar([]), makeTar([]), makeTar([{ path: 'a', content: 'a' }])];
    const plain = await (await fetchImage('plain', tars)).fetched();
    expect(plain.map(({ hash }) => hash)[0]).toBe(plain[1]?.hash);
    const stored = storedLayers();
    const gzip = await (await fetchImage('gzip', stored)).fetched();
    const unzipped = stored.map((layer) => (layer[0] === 0x1f ? gunzipSync(layer) : layer));
    const again = await (await fetchImage('unzipped', unzipped)).fetched();
    expect(again.map(({ hash }) => hash)).toEqual(gzip.map(({ hash }) => hash));
  });

  it('that would reach outside are refused, and nothing is left but what was fetched', async () => {
    const { dir, fetched } = await fetchImage('evil', [makeTar([{ path: '../x', content: 'x' }])]);
    expect(await kindOfRejection(fetched())).toBe('unsafe');
    expect(readdirSync(dir)).toHaveLength(1);
  });
});

/** The blobs of the fixture's one image, lowest layer first. */
function storedLayers(): Buffer[] {
  const dir = temporaryDirectory();
  execFileSync('tar', ['-xf', FIXTURE, '-C', dir]);
  const json = (path: string) => JSON.parse(readFileSync(join(dir, path), 'utf8'));
  const blob = (digest: string) => `blobs/${digest.replace(':', '/')}`;
  const manifest = json(blob(json('index.json').manifests[0].digest));
  return manifest.layers.map((layer: { digest: string }) => readFileSync(join(dir, blob(layer.digest))));
}
