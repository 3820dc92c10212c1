import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { runProgram } from '@deploy-tools/shared/cli/program.js';
import { columns } from '@deploy-tools/shared/columns.js';
import { AGENT_FLAGS } from '../agent-flags.js';
import { agentSettings } from '../agent-settings.js';
import { isSameRevision } from '../deploy/hold.js';
import { readJournal } from '../deploy/ledger.js';
import { readPause } from '../deploy/pause.js';
import { isPlaced } from '../deploy/place-release.js';
import { pathsIn } from '../open-application.js';
import { usableRelease } from '../release-directory.js';
import { splitCommand } from '../split-command.js';
import { readState } from '../state-file.js';
import { describePlan } from './describe-plan.js';
import { wantedBy, withRegistry } from './look-at-registry.js';

/** `deploy-agent plan`: takes the agent's flags. Sets process.exitCode. */
export async function runPlan(argv: readonly string[]): Promise<void> {
  const { own, command } = splitCommand(argv);
  await runProgram(
    {
      name: 'deploy-agent plan',
      summary: 'Says what an agent with these flags would do now, and why. Nothing is done.',
      flags: AGENT_FLAGS,
      run: async (flags) => {
        const settings = agentSettings(flags, command);
        const wanted = await withRegistry(flags, (connection) => wantedBy(connection, settings.name));
        const dir = resolve(flags.dir);
        const paths = pathsIn(dir, resolve(flags.state));
        const journal = readJournal({
          path: join(dir, 'journal.json'),
          attemptsPath: join(dir, 'attempts.json'),
        });
        const { attempt } = journal;
        const isTried = attempt !== undefined && isSameRevision(attempt.config, wanted);
        const made = isTried && attempt.unpackedIn !== undefined ? '' : undefined;
        const hashes = wanted.layers.map(({ hash }) => hash);
        const rows = describePlan({
          ...{ settings, wanted, journal, lastGood: readState(paths.state), now: new Date() },
          pause: readPause(join(dir, 'paused')),
          isPlaced: isPlaced({ settings, paths }, wanted.hash),
          isUnpacked: usableRelease(paths.unpacked, wanted.hash, made) !== undefined,
          cached: new Set(hashes.filter((hash) => existsSync(join(paths.cache, hash)))),
        });
        process.stdout.write(columns(rows).replace(/ +$/gm, ''));
        return 0;
      },
    },
    own,
  );
}
