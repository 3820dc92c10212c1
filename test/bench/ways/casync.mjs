import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { startChild } from '../lib/child.mjs';
import { isInstalled, output, timed } from '../lib/run.mjs';

/** What a tar archive says too, so that both do the same work. */
const WITH = '--with=unix';

/**
 * casync over HTTP: into an empty directory, and into a fresh one with the first release as seed. Its indexes and
 * its store are made here, in no figure.
 * @returns the way, or why it is left out.
 */
export async function casyncWay({ dir, newHome, releases }) {
  if (!isInstalled('casync')) return 'casync is not installed';
  const served = join(dir, 'casync-store');
  let home;
  const store = join(served, 'default.castr');
  mkdirSync(served);
  const make = (name, { tree }) =>
    output('casync', ['make', WITH, `--store=${store}`, join(served, `${name}.caidx`), tree]);
  make('old', releases.old);
  const chunks = readdirSync(store, { recursive: true }).filter((file) => file.endsWith('.cacnk')).length;
  make('fresh', releases.fresh);
  const server = await startChild('static-files', served);
  const extract = (port, name, ...options) => ({
    ms: timed('casync', [
      'extract',
      WITH,
      ...options,
      `http://127.0.0.1:${port}/${name}.caidx`,
      join(home, name),
    ]),
  });
  return {
    name: 'casync',
    server: { port: server.ready.port },
    waits: chunks,
    begin: () => {
      home = newHome();
      mkdirSync(home);
    },
    jobs: [
      { name: 'cold', run: (port) => extract(port, 'old') },
      { name: 'update', run: (port) => extract(port, 'fresh', `--seed=${join(home, 'old')}`) },
    ],
    end: () => rmSync(home, { recursive: true, force: true }),
    stop: server.stop,
  };
}
