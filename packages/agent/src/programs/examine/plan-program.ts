import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { runProgram } from '@deploy-tools/shared/cli/program.js';
import { columns } from '@deploy-tools/shared/columns.js';
import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { describeError, isDeployError } from '@deploy-tools/shared/errors.js';
import type { AgentSettings } from '../../deploy/agent-context.js';
import { isSameRevision } from '../../deploy/hold.js';
import { readJournal } from '../../deploy/journal-file.js';
import { readPause } from '../../deploy/pause.js';
import { readState } from '../../deploy/state-file.js';
import { isPlaced } from '../../place/release-place.js';
import type { Launch } from '../../process/supervise/start-child.js';
import { usableRelease } from '../../release/release-directory.js';
import type { ConfigFile, ConfiguredApplication } from '../configured/read-config-file.js';
import { pathsIn } from '../daemon/open-application.js';
import { REGISTRY_AGENT_FLAGS } from '../flags/agent-flags.js';
import { type AgentFlags, agentSettings } from '../flags/agent-settings.js';
import { configPath, splitCommand } from '../flags/split-command.js';
import { describePlan } from './describe-plan.js';
import { openWanted, withRegistry } from './look-at-registry.js';

/** `deploy-agent plan`: takes the flags of an agent with a registry, since a source has to be fetched from first. Sets process.exitCode. */
export async function runPlan(argv: readonly string[]): Promise<void> {
  const { own, command } = splitCommand(argv);
  await runProgram(
    {
      name: 'deploy-agent plan',
      summary:
        'Says what an agent with these flags would do now, and why; with -config for each configuration. Nothing is done.',
      flags: REGISTRY_AGENT_FLAGS,
      run: async (given) => {
        const flags: AgentFlags = { ...given, source: undefined, slot: undefined, notify: [] };
        const { shared, configurations } = await followedBy(flags, command);
        return await withRegistry(shared, async (connection) => {
          const wanted = await openWanted(connection);
          return await tellPlans([...configurations.values()], wanted);
        });
      },
    },
    own,
  );
}

async function followedBy(flags: AgentFlags, command: Launch['command'] | undefined): Promise<ConfigFile> {
  const path = configPath(flags, command);
  if (path === undefined) return { shared: flags, configurations: new Map([['', { flags, command }]]) };
  const { readConfigFile } = await import('../configured/read-config-file.js');
  return readConfigFile(path);
}

/** @returns the exit status: 1 when the registry lacks one of several configurations; lacking a single one is an error. */
async function tellPlans(
  configurations: readonly ConfiguredApplication[],
  wanted: (name: string) => Promise<AgentConfig>,
): Promise<number> {
  const plans: string[][][] = [];
  let status = 0;
  for (const { flags, command } of configurations) {
    const settings = agentSettings(flags, command);
    try {
      plans.push(planOf(flags, settings, await wanted(settings.name)));
    } catch (error) {
      if (configurations.length === 1 || !isDeployError(error)) throw error;
      status = 1;
      plans.push([
        ['configuration', settings.name],
        ['verdict', `FAIL: ${describeError(error)}`],
      ]);
    }
  }
  process.stdout.write(plans.map((rows) => columns(rows).replace(/ +$/gm, '')).join('\n'));
  return status;
}

function planOf(flags: AgentFlags, settings: AgentSettings, wanted: AgentConfig): string[][] {
  const dir = resolve(flags.dir);
  const paths = pathsIn(dir, resolve(flags.state));
  const journal = readJournal({ path: join(dir, 'journal.json'), attemptsPath: join(dir, 'attempts.json') });
  const { attempt } = journal;
  const isTried = attempt !== undefined && isSameRevision(attempt.config, wanted);
  const made = isTried && attempt.unpackedIn !== undefined ? '' : undefined;
  const hashes = wanted.layers.map(({ hash }) => hash);
  return describePlan({
    settings,
    wanted,
    journal,
    lastGood: readState(paths.state),
    now: new Date(),
    pause: readPause(join(dir, 'paused')),
    isPlaced: isPlaced({ destination: settings.destination, paths }, wanted.hash),
    isUnpacked: usableRelease(paths.unpacked, wanted.hash, made) !== undefined,
    cached: new Set(hashes.filter((hash) => existsSync(join(paths.cache, hash)))),
  });
}
