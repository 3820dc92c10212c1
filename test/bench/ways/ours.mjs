import { spawnSync } from 'node:child_process';
import { makeAgentHome } from '../lib/agent-home.mjs';
import { program } from '../lib/programs.mjs';
import { output } from '../lib/run.mjs';

const NAME = 'deploy';

/**
 * `deploy-agent -once` in a fresh directory, then on the next release in the same one. One way for each kind of reuse,
 * where the agent has kinds.
 */
export function oursWays({ newHome, keys, registry, operator, releases }) {
  const kinds = output(program('deploy-agent'), ['-h']).includes('-reuse')
    ? ['auto', 'copy', 'hardlink']
    : [''];
  return kinds.map((kind) => {
    const name = kind === '' ? 'ours' : `ours ${kind}`;
    const flags = kind === '' ? [] : ['-reuse', kind];
    const home = () => makeAgentHome(newHome(), { registry, keys, name: NAME, flags });
    return ourWay({ name, home, registry, operator, releases });
  });
}

/** Both versions are there; the configuration is made at the first use. */
function ourWay({ name, home: makeHome, registry, operator, releases }) {
  let home;
  return {
    name,
    server: registry,
    begin: () => {
      operator.ssh('addconf', NAME, 'code:v1');
      home = makeHome();
    },
    jobs: [
      { name: 'cold', run: (port) => home.deploy(port) },
      {
        name: 'update',
        before: () => operator.ssh('changeconf', NAME, 'code:v2'),
        run: (port) => home.deploy(port),
        check: () => sameAsArchive(releases.fresh.archive, home.lastScript().root),
      },
    ],
    end: () => home.remove(),
  };
}

/** GNU tar compares names, types, modes, times, link targets and contents. @throws with what it finds. */
function sameAsArchive(archive, root) {
  const compared = spawnSync('tar', ['--diff', '-zf', archive.path, '-C', root], { encoding: 'utf8' });
  if (compared.status !== 0)
    throw new Error(`the release is not what the archive says: ${compared.stdout}${compared.stderr}`);
}
