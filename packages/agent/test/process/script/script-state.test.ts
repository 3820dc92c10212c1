import { existsSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withScriptState } from '@deploy-tools/agent/process/script/script-state.js';
import { decodeConfigJson } from '@deploy-tools/shared/config-json.js';
import { expect, it } from 'vitest';
import { testScope } from '../../../../../test/support/scope.js';
import { tempDir } from '../../../../../test/support/temp-dir.js';
import { configOf } from '../../agent-context.js';

const config = configOf({ hash: 'a'.repeat(64), size: 1 });

it('is there while work is done, for everybody to read, and gone after it', async () => {
  const path = join(tempDir(testScope()), 'script-state.json');
  const seen = await withScriptState(path, config, async () => {
    expect(statSync(path).mode & 0o777).toBe(0o644 & ~process.umask());
    return decodeConfigJson(readFileSync(path, 'utf8'));
  });
  expect(seen).toMatchObject({ name: config.name, hash: config.hash });
  expect(existsSync(path)).toBe(false);
});

it('is gone too when the work fails', async () => {
  const path = join(tempDir(testScope()), 'script-state.json');
  const failing = withScriptState(path, config, () => Promise.reject(new Error('failed')));
  await expect(failing).rejects.toThrow('failed');
  expect(existsSync(path)).toBe(false);
});

it('takes the place of what was left behind, and writes through nothing', async () => {
  const dir = tempDir(testScope());
  const path = join(dir, 'script-state.json');
  writeFileSync(join(dir, 'other'), 'untouched');
  symlinkSync('other', path);
  await withScriptState(path, config, async () => {
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ Hash: config.hash });
  });
  expect(readFileSync(join(dir, 'other'), 'utf8')).toBe('untouched');
});
