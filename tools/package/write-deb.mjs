import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import { ROOT } from '../built-files.mjs';
import { write } from './files.mjs';
import { ARCHITECTURES, KINDS } from './kinds.mjs';
import { layOut } from './lay-out.mjs';
import { writeTar } from './write-tar.mjs';

/** The oldest that Node.js runs with, and what its C++ needs. */
const DEPENDS = 'libc6 (>= 2.28), libstdc++6 (>= 8)';
const MAINTAINER = 'deploy-tools <deploy-tools@users.noreply.github.com>';
const SCRIPTS = ['postinst', 'prerm', 'postrm'];

/** Writes a package for dpkg. @see deb(5) */
export async function writeDeb({ kind, arch, version, staged, work, to, time }) {
  const [data, control] = [join(work, 'data'), join(work, 'control')];
  layOut({ kind, staged, dir: data });
  write(join(data, 'usr/share/doc', kind, 'copyright'), copyright());
  write(join(data, 'usr/share/lintian/overrides', kind), scriptOf('lintian-overrides', kind));
  const log = `${kind} (${version}) stable; urgency=medium\n\n  * See CHANGELOG.md.\n\n -- ${MAINTAINER}  ${time.toUTCString().replace('GMT', '+0000')}\n`;
  write(join(data, 'usr/share/doc', kind, 'changelog.gz'), gzipSync(log, { level: 9 }));
  write(join(control, 'control'), controlOf({ kind, arch, version, bytes: sizeOf(data) }));
  write(join(control, 'md5sums'), sumsOf(data));
  for (const script of KINDS[kind].user === undefined ? [] : SCRIPTS) {
    write(join(control, script), scriptOf(script, kind), 0o755);
  }
  await writeTar({ dir: control, root: './', to: join(work, 'control.tar.gz'), time });
  await writeTar({ dir: data, root: './', to: join(work, 'data.tar.xz'), time });
  const members = ['control.tar.gz', 'data.tar.xz'].map((name) => [name, readFileSync(join(work, name))]);
  writeFileSync(to, archiveOf([['debian-binary', Buffer.from('2.0\n')], ...members], time));
}

/** A file of packaging/deb for a package. */
function scriptOf(name, kind) {
  return readFileSync(join(ROOT, 'packaging/deb', name), 'utf8').replaceAll('@KIND@', kind);
}

function controlOf({ kind, arch, version, bytes }) {
  return [
    `Package: ${kind}`,
    `Version: ${version}`,
    `Architecture: ${ARCHITECTURES[arch].deb}`,
    `Maintainer: ${MAINTAINER}`,
    `Installed-Size: ${Math.ceil(bytes / 1024)}`,
    `Depends: ${DEPENDS}`,
    ...(KINDS[kind].user === undefined ? [] : ['Recommends: openssh-client']),
    'Section: admin',
    'Priority: optional',
    `Description: ${KINDS[kind].description}`,
    ' It carries the Node.js that it runs with, and needs nothing else.',
    '',
  ].join('\n');
}

function copyright() {
  const text = readFileSync(join(ROOT, 'LICENSE'), 'utf8').split('\n').slice(4);
  const license = text
    .map((line) => (line === '' ? ' .' : ` ${line}`))
    .join('\n')
    .replace(/( \.)?\s*$/, '\n');
  return [
    'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/',
    '',
    'Files: *',
    'Copyright: 2026 the authors of deploy-tools',
    'License: Expat',
    license.trimEnd(),
    '',
    'Comment: the licenses of what it carries are in the directory licenses beside this file.',
    '',
  ].join('\n');
}

/** @see ar(5) */
function archiveOf(members, time) {
  const parts = members.flatMap(([name, content]) => {
    const seconds = Math.floor(time.getTime() / 1000);
    const fields = [
      name.padEnd(16),
      String(seconds).padEnd(12),
      '0'.padEnd(6),
      '0'.padEnd(6),
      '100644'.padEnd(8),
    ];
    const header = `${fields.join('')}${String(content.length).padEnd(10)}\`\n`;
    return [Buffer.from(header), content, Buffer.from(content.length % 2 === 0 ? '' : '\n')];
  });
  return Buffer.concat([Buffer.from('!<arch>\n'), ...parts]);
}

function filesOf(dir) {
  const entries = readdirSync(dir, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

const sizeOf = (dir) => filesOf(dir).reduce((sum, file) => sum + statSync(file).size, 0);

function sumsOf(dir) {
  const lines = filesOf(dir).map(
    (file) => `${createHash('md5').update(readFileSync(file)).digest('hex')}  ${relative(dir, file)}\n`,
  );
  return lines.join('');
}
