import { scriptEnvironment } from '@deploy-tools/agent/process/script/script-environment.js';
import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const INHERITED = ['PATH', 'HOME', 'TMPDIR', 'USER', 'LOGNAME', 'LANG', 'LC_ALL', 'SHELL'];
const OURS = /^(OLDID|OLDROOT|NEWID|NEWROOT|STATEFILE|LAYER_\d+_(NAME|VERSION))$/;

const config = (...layers: readonly [name: string, version: string][]): AgentConfig => ({
  name: 'project',
  mtime: '2026-03-01T12:00:00Z',
  hash: 'f'.repeat(64),
  layers: layers.map(([name, version]) => {
    const hash = '0'.repeat(64);
    return { name, version, file: `files/${hash}`, hash, ctime: '2026-03-01T12:00:00Z' };
  }),
});

const NEXT = { id: 'f'.repeat(64), root: '/srv/unpacked/f' };

const facts = (config: AgentConfig) => ({ old: undefined, next: NEXT, config, stateFile: '/tmp/s' });

describe('scriptEnvironment', () => {
  it('has what the Go agent sets, and empty old ones on the first run', () => {
    const environment = scriptEnvironment({}, facts(config(['code', 'v 1'], ['config', '2'])));
    expect(environment).toEqual({
      OLDID: '',
      OLDROOT: '',
      NEWID: NEXT.id,
      NEWROOT: NEXT.root,
      STATEFILE: '/tmp/s',
      LAYER_0_NAME: 'code',
      LAYER_0_VERSION: 'v 1',
      LAYER_1_NAME: 'config',
      LAYER_1_VERSION: '2',
    });
  });

  it('names the old release on an update', () => {
    const old = { id: 'e'.repeat(64), root: '/srv/unpacked/e' };
    const environment = scriptEnvironment({}, { ...facts(config(['code', 'v1'])), old });
    expect(environment).toMatchObject({ OLDID: old.id, OLDROOT: old.root });
  });

  it('lets nothing of the agent through but the few that are listed, whatever they are called', () => {
    const name = fc.oneof(
      fc.constantFrom(...INHERITED, 'NEWROOT', 'LD_PRELOAD', 'LAYER_7_NAME'),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.dictionary(name, fc.option(fc.string(), { nil: undefined })), (env) => {
        const environment = scriptEnvironment(env, facts(config(['code', 'v1'])));
        for (const [key, value] of Object.entries(environment)) {
          if (INHERITED.includes(key)) expect(value).toBe(env[key]);
          else expect(key).toMatch(OURS);
        }
        for (const key of INHERITED)
          expect(key in environment).toBe(Object.hasOwn(env, key) && env[key] !== undefined);
        expect(environment.NEWROOT).toBe(NEXT.root);
        expect('LAYER_7_NAME' in environment).toBe(false);
      }),
    );
  });
});
