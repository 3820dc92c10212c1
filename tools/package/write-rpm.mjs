import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../built-files.mjs';
import { ARCHITECTURES, KINDS } from './kinds.mjs';
import { layOut } from './lay-out.mjs';
import { must } from './must.mjs';

/** Writes a package for rpm, by rpmbuild(8). @returns its name; undefined where rpmbuild is not installed. */
export function writeRpm({ kind, arch, version, staged, work, time, out }) {
  if (spawnSync('rpmbuild', ['--version']).error !== undefined) {
    console.log(`no ${kind} as rpm: rpmbuild is not installed`);
    return undefined;
  }
  const [tree, spec] = [join(work, 'tree'), join(work, 'package.spec')];
  layOut({ kind, staged, dir: tree });
  const { user, units, description } = KINDS[kind];
  const text = readFileSync(join(ROOT, 'packaging/rpm/package.spec'), 'utf8')
    .replaceAll('@KIND@', kind)
    .replaceAll('@VERSION@', version)
    .replaceAll('@DESCRIPTION@', description)
    .replaceAll('@TREE@', tree);
  const [packageText, scripts] = text.split('%% scripts\n');
  const files = readdirSync(tree, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => `"/${join(entry.parentPath, entry.name).slice(tree.length + 1)}"\n`)
    .sort();
  const settings = user === undefined ? '' : `%dir %attr(0750, root, ${user}) /etc/${kind}\n`;
  writeFileSync(
    spec,
    `${packageText}${units.length > 0 ? scripts : ''}\n%files\n${settings}${files.join('')}`,
  );
  mkdirSync(join(work, 'made'));
  const defines = {
    _topdir: join(work, 'rpmbuild'),
    _rpmdir: join(work, 'made'),
    _buildhost: 'localhost',
    use_source_date_epoch_as_buildtime: '1',
    clamp_mtime_to_source_date_epoch: '1',
    _binary_payload: 'w6.xzdio',
    __os_install_post: '%{nil}',
    _build_id_links: 'none',
    debug_package: '%{nil}',
  };
  const flags = Object.entries(defines).flatMap(([name, value]) => ['--define', `${name} ${value}`]);
  const target = ['--target', `${ARCHITECTURES[arch].rpm}-linux`];
  const env = { ...process.env, SOURCE_DATE_EPOCH: String(Math.floor(time.getTime() / 1000)) };
  must('rpmbuild', ['-bb', ...target, ...flags, spec], { env });
  const [made] = readdirSync(join(work, 'made'), { recursive: true }).filter((name) => name.endsWith('.rpm'));
  const file = made.split('/').at(-1);
  copyFileSync(join(work, 'made', made), join(out, file));
  return file;
}
