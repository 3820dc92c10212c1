import { accessSync, constants, statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { resolve } from 'node:path';
import { formatByteSize } from '@deploy-tools/shared/byte-size.js';
import { DeployError, errnoOf } from '@deploy-tools/shared/errors.js';
import { existing } from '@deploy-tools/shared/host/make-directory.js';
import type { AgentSettings } from '../../deploy/agent-context.js';
import { readState } from '../../deploy/state-file.js';
import { programFile } from '../../process/script/program-file.js';
import { agentKeyPath, loadAgentKey } from '../daemon/registry-access.js';
import { checkStatePlace } from '../daemon/state-place.js';
import type { AgentFlags } from '../flags/agent-settings.js';

/** One check of `deploy-agent doctor`. */
export interface Check {
  readonly what: string;
  /** @returns the result in words. @throws DeployError the problem, with a hint. */
  readonly look: () => Promise<string>;
}

/** A disk with less free space counts as full. */
const LEAST_FREE = 100 * 1024 * 1024;
const OTHERS = 0o077;

export function keyCheck(flags: AgentFlags): Check {
  return { what: 'key', look: () => keyWorks(agentKeyPath(flags.key)) };
}

export function directoryCheck(dir: string): Check {
  return { what: 'directory', look: async () => directoryWorks(resolve(dir)) };
}

/** Checks what a configuration needs on this host. */
export function hostChecks(flags: AgentFlags, settings: AgentSettings): Check[] {
  const [dir, state] = [resolve(flags.dir), resolve(flags.state)];
  const programs = Object.entries({ script: settings.script, ...settings.hooks });
  return [
    directoryCheck(dir),
    { what: 'state', look: async () => stateWorks(state) },
    { what: 'disk', look: () => hasSpace(dir) },
    ...programs.flatMap(([hook, command]) => {
      const what = hook === 'script' ? hook : `hook-${hook}`;
      return command === undefined
        ? []
        : [{ what, look: async () => programFile(command, process.env.PATH) }];
    }),
  ];
}

async function keyWorks(path: string): Promise<string> {
  const credential = await loadAgentKey(path);
  const { mode } = statSync(path);
  if ((mode & OTHERS) === 0) return credential.kind === 'key' ? credential.label : path;
  throw new DeployError('denied', `${path} can be used by others (mode ${(mode & 0o777).toString(8)})`, {
    hint: `chmod 600 ${path}`,
  });
}

function directoryWorks(dir: string): string {
  const place = existing(dir);
  try {
    accessSync(place, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new DeployError('denied', `${place} is not writable (${errnoOf(error)})`, {
      hint: 'check -dir, who owns it, and who runs this',
      cause: error,
    });
  }
  return place === dir ? dir : `${dir} (will be made)`;
}

function stateWorks(state: string): string {
  checkStatePlace(state);
  const config = readState(state);
  if (config === undefined) return `${state}: nothing was deployed yet`;
  return `${state}: ${config.name} ${config.revision ?? config.hash.slice(0, 12)}`;
}

async function hasSpace(dir: string): Promise<string> {
  const { bavail, bsize } = await statfs(existing(dir));
  const words = `${formatByteSize(bavail * bsize)} free for ${dir}`;
  if (bavail * bsize >= LEAST_FREE) return words;
  throw new DeployError('no-space', words, { hint: 'free some space on this host' });
}
