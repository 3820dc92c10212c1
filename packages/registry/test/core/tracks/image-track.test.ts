import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LayerTasks } from '@deploy-tools/registry/ingest/layer-tasks.js';
import { DEFAULT_UNPACK_POLICY } from '@deploy-tools/shared/archive/unpack-policy.js';
import { makeArchives } from '@deploy-tools/shared/image/make-archives.js';
import { expect, it } from 'vitest';
import { startOciServer } from '../../../../../test/support/oci-server.js';
import { describeWith } from '../../../../../test/support/requires.js';
import { testScope } from '../../../../../test/support/scope.js';
import { tempDir } from '../../../../../test/support/temp-dir.js';
import { makeTar } from '../../../../shared/test/image/make-image.js';
import { OPERATOR, openRegistry } from '../../support/open-registry.js';

const BASE = makeTar([
  { path: 'app' },
  { path: 'app/kept', content: 'k' },
  { path: 'app/gone', content: 'g' },
]);

/** The versions that deploy-from-docker makes of these layers. */
async function versionsOf(layers: readonly Buffer[]): Promise<string[]> {
  const dir = tempDir(testScope());
  const stored = layers.map((tar, index) => {
    const path = join(dir, `stored-${index}`);
    writeFileSync(path, tar);
    return { file: { path }, diffId: undefined };
  });
  const made = await makeArchives(stored, dir, DEFAULT_UNPACK_POLICY, new AbortController().signal);
  return made.map(({ hash }, index) => `code.l${index + 1}:${hash}`);
}

describeWith(['docker-registry'], 'a track of images', () => {
  it('adds their layers with whiteouts applied, and sets configurations to them', async () => {
    const server = await startOciServer(testScope());
    const registry = await openRegistry({}, (task, signal) => new LayerTasks().ingest(task, signal));
    const ran = async (line: string): Promise<string> => {
      const { status, stdout, stderr } = await registry.dispatcher.run(
        { principal: OPERATOR, via: 'exec' },
        line,
      );
      if (status !== 0) throw new Error(`${line}: ${stderr}${stdout}`);
      return stdout;
    };
    const first = [BASE, makeTar([{ path: 'app' }, { path: 'app/new', content: 'one' }])];
    const second = [BASE, makeTar([{ path: 'app' }, { path: 'app/.wh.gone', content: '' }])];
    await server.push('team/app', 'v1.0.0', first);
    await ran(`addtrack code img://${server.host}/team/app -arch amd64 -interval 1h`);
    await ran('check code');
    const [lower, upper] = await versionsOf(first);
    await ran(`addconf project1 ${lower} ${upper}`);
    await ran('deltrack code');
    await ran(`addtrack code img://${server.host}/team/app -arch amd64 -interval 1h -bump project1`);
    await ran('check code');
    await server.push('team/app', 'v2.0.0', second);
    await ran('check code');
    const { layers } = JSON.parse(await ran('showconf project1 -json')) as {
      layers: { component: string; version: string }[];
    };
    const refs = layers.map(({ component, version }) => `${component}:${version}`);
    expect(refs).toEqual(await versionsOf(second));
    expect(refs[0]).not.toBe(lower);
  });
});
