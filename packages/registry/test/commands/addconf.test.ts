import { beforeEach, describe, expect, test } from 'vitest';
import { addText, OPERATOR, openRegistry, type TestRegistry } from '../support/open-registry.js';

let registry: TestRegistry;

/** `shop` of code and config, at revision 1. */
beforeEach(async () => {
  registry = await openRegistry();
  for (const [component, version] of [
    ['code', 'v1'],
    ['code', 'v2'],
    ['config', 'v1'],
    ['extra', 'v1'],
  ] as const)
    await addText(registry, component, version);
  await run('addconf shop code:v1 config:v1');
});

function run(line: string, terminal = false) {
  const feed = { send: async () => {}, signal: AbortSignal.abort(), terminal };
  return registry.dispatcher.run({ principal: OPERATOR, via: 'exec' }, line, feed);
}

const revision = async () => JSON.parse((await run('showconf shop -json')).stdout).revision;

describe('addconf of a name that exists', () => {
  test('replaces it as the Go registry does, and says what was dropped and how to undo it', async () => {
    expect(await run('addconf shop extra:v1 code:v2')).toEqual({
      status: 0,
      stdout: '',
      stderr:
        'warning: configuration "shop" was replaced by one with other components: +extra v1, code v1→v2, -config v1 ' +
        '(to undo it run: rollback -name="shop" -to=1)\n',
    });
    expect(await revision()).toBe(2);
  });

  test('on a terminal it needs -force for other components', async () => {
    expect(await run('addconf shop code:v2', true)).toEqual({
      status: 1,
      stdout: '',
      stderr:
        'configuration "shop" exists with other components: code v1→v2, -config v1 ' +
        '(repeat it with -force to replace it; changeconf sets one layer and keeps the others)\n',
    });
    expect(await revision()).toBe(1);
    expect(await run('addconf shop code:v2 -force', true)).toMatchObject({ status: 0 });
    expect(await revision()).toBe(2);
  });

  test.each([true, false])('says nothing where components are the same (terminal: %s)', async (terminal) => {
    const silent = { status: 0, stdout: '', stderr: '' };
    expect(await run('addconf shop code:v2 config:v1', terminal)).toEqual(silent);
    expect(await run('addconf shop code:v2 config:v1', terminal)).toEqual(silent);
    expect(await revision()).toBe(2);
    await run('delconf shop -force');
    expect(await run('addconf shop extra:v1', terminal)).toEqual(silent);
  });
});
