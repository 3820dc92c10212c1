import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import { copy, write } from './files.mjs';
import { KINDS } from './kinds.mjs';

/** What has places of its own; the rest of `share/` is documentation. */
const PLACED = ['man', 'systemd'];

/**
 * Lays out a staged tree as systems have it: everything in `/usr/lib/KIND`, links to it in `/usr/bin`, units, pages and examples in
 * their places.
 */
export function layOut({ kind, staged, dir }) {
  const home = join(dir, 'usr/lib', kind);
  for (const part of ['bin', 'lib']) copy(join(staged, part), join(home, part));
  for (const program of KINDS[kind].programs) link(join(home, 'bin', program), join(dir, 'usr/bin', program));
  const doc = join(dir, 'usr/share/doc', kind);
  for (const part of readdirSync(join(staged, 'share')).filter((name) => !PLACED.includes(name)))
    copy(join(staged, 'share', part), join(doc, part));
  for (const page of readdirSync(join(staged, 'share/man'))) {
    const text = readFileSync(join(staged, 'share/man', page));
    write(join(dir, 'usr/share/man/man1', `${page}.gz`), gzipSync(text, { level: 9 }));
  }
  for (const unit of KINDS[kind].units) {
    const text = readFileSync(join(staged, 'share/systemd', unit), 'utf8');
    write(join(dir, 'usr/lib/systemd/system', unit), text.replaceAll('/usr/local/bin/', '/usr/bin/'));
  }
  if (kind === 'deployctl') placeCompletion(join(staged, 'lib/ctl/completion'), dir);
  if (KINDS[kind].user !== undefined) mkdirSync(join(dir, 'etc', kind), { recursive: true });
  for (const path of readdirSync(dir, { recursive: true })) openToAll(join(dir, path));
}

/** Gives a file or a directory the mode that it has whatever the umask is. */
function openToAll(path) {
  const stats = lstatSync(path);
  if (stats.isSymbolicLink()) return;
  chmodSync(path, stats.isDirectory() || (stats.mode & 0o100) !== 0 ? 0o755 : 0o644);
}

function placeCompletion(from, dir) {
  const places = {
    bash: 'bash-completion/completions/deployctl',
    zsh: 'zsh/vendor-completions/_deployctl',
    fish: 'fish/vendor_completions.d/deployctl.fish',
  };
  for (const [shell, to] of Object.entries(places))
    copy(join(from, `deployctl.${shell}`), join(dir, 'usr/share', to));
}

function link(target, path) {
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(relative(dirname(path), target), path);
}
