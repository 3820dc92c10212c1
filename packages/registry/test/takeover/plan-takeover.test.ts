import type { GoVersion } from '@deploy-tools/registry/takeover/go-records.js';
import { parseGoTime } from '@deploy-tools/registry/takeover/go-time.js';
import { planTakeover } from '@deploy-tools/registry/takeover/plan-takeover.js';
import type { GoState } from '@deploy-tools/registry/takeover/read-go-state.js';
import { configurationHash } from '@deploy-tools/shared/model.js';
import { describe, expect, test } from 'vitest';
import { archiveOf } from './original-state.js';

const time = parseGoTime('2017-03-01T11:23:36Z');

function version(component: string, name: string): GoVersion {
  return { component, version: name, hash: archiveOf(component, name).hash, created: time };
}

function stateOf(versions: readonly GoVersion[], name: string, ...layers: GoVersion[]): GoState {
  const revision = { name, hash: configurationHash(layers.map(({ hash }) => hash)), mtime: time, layers };
  return { versions, configurations: [{ name, revisions: [revision] }], warnings: [] };
}

function sizesOf(...versions: readonly GoVersion[]): Map<string, number> {
  return new Map(versions.map(({ hash }, index) => [hash, index + 1]));
}

const code = version('code', 'v1');
const other = version('code', 'v2');

describe('planTakeover', () => {
  test('what is in order gives no warning', () => {
    const plan = planTakeover(stateOf([code], 'project1', code), sizesOf(code));
    expect(plan).toMatchObject({ configurations: 1, warnings: [] });
    expect(plan.versions).toEqual([
      { component: 'code', version: 'v1', hash: code.hash, size: 1, created: '2017-03-01T11:23:36.000Z' },
    ]);
    expect(plan.revisions).toMatchObject([{ name: 'project1', revision: 1, layers: plan.versions }]);
  });

  test('a current layer that is no version stays, with a warning', () => {
    const plan = planTakeover(stateOf([code], 'project1', other), sizesOf(code, other));
    expect(plan.warnings).toEqual([
      'configuration "project1" has "code:v2", which is not a version; it is kept as it is',
    ]);
    expect(plan.revisions[0]?.layers).toMatchObject([{ version: 'v2', hash: other.hash, size: 2 }]);
  });

  test('a current layer whose version has other content stays, with a warning', () => {
    const changed = { ...code, hash: other.hash };
    const plan = planTakeover(stateOf([code], 'project1', changed), sizesOf(code, other));
    expect(plan.warnings).toEqual([expect.stringContaining('which is a version with other content')]);
    expect(plan.revisions[0]?.layers[0]?.hash).toBe(other.hash);
  });

  test('a configuration without its archive is refused', () => {
    expect(() => planTakeover(stateOf([code, other], 'project1', code), sizesOf(other))).toThrow(
      /^configuration "project1" needs the archive /,
    );
  });

  test('names that would be refused today stay, with a warning each', () => {
    const spaced = version('code ', ' v1');
    const plan = planTakeover(stateOf([spaced], '.', spaced), sizesOf(spaced));
    expect(plan.warnings).toHaveLength(3);
    expect(plan.warnings[0]).toMatch(/^the name "code " is taken over, but a new one like it is refused: /);
    expect(plan.versions).toMatchObject([{ component: 'code ', version: ' v1' }]);
  });
});
