import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../support/program.js';

interface LockedPackage {
  readonly name?: string;
  readonly hasInstallScript?: boolean;
  readonly integrity?: string;
  readonly link?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
}

const json = (file: string) => JSON.parse(readFileSync(join(PROJECT_ROOT, file), 'utf8'));
const PACKAGES = Object.entries<LockedPackage>(json('package-lock.json').packages).filter(
  ([path, { link }]) => path.includes('node_modules/') && link !== true,
);

describe('what npm installs', () => {
  it('has a hash', () => {
    expect(PACKAGES.filter(([, { integrity }]) => integrity === undefined)).toEqual([]);
  });

  it('runs those scripts that were looked at, and no others', () => {
    const scripted = PACKAGES.filter(([, locked]) => locked.hasInstallScript === true);
    const names = scripted.map(([path, { name }]) => name ?? path.split('node_modules/').at(-1));
    expect([...new Set(names)].sort()).toEqual(Object.keys(json('package.json').allowScripts).sort());
  });

  it.each(
    PACKAGES.filter(([, { dependencies = {} }]) => 'prebuild-install' in dependencies).map(([path]) => path),
  )('%s is compiled here: no binary is downloaded for it, which no hash would cover', (path) => {
    const tool = join(PROJECT_ROOT, 'node_modules/prebuild-install/bin.js');
    const env = { ...process.env, npm_config_build_from_source: '' };
    const ran = spawnSync(process.execPath, [tool, '--verbose'], {
      cwd: join(PROJECT_ROOT, path),
      env,
      encoding: 'utf8',
    });
    expect(ran.stderr).toContain('not attempting download');
    expect(ran.status).toBe(1);
  });
});
