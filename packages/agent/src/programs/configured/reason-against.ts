import { resolve } from 'node:path';
import { isWithin } from '@deploy-tools/shared/host/is-within.js';
import { destinationOf } from '../../place/sync/destination.js';
import { areApart, directoriesOf, realPlace } from '../../place/sync/destination-paths.js';
import type { AgentFlags } from '../flags/agent-settings.js';

/** Paths that configurations of one agent must not share. */
interface Places {
  readonly name: string;
  readonly dir: string;
  readonly state: string;
  /** Directories of the destination; none without. */
  readonly dests: readonly string[];
}

/**
 * The reason why a configuration cannot be followed beside others: each would remove files of the other as superfluous.
 * Symlinks are resolved.
 * @param others the configurations before it in the file.
 * @param shared the agent's own flags.
 */
export function reasonAgainst(
  flags: AgentFlags,
  others: Iterable<AgentFlags>,
  shared: AgentFlags,
): string | undefined {
  const own = placesOf(flags);
  const agentsDir = realPlace(shared.dir);
  if (own.dir === agentsDir) return "dir is the agent's own; give the configuration another";
  if (own.dests.some((dest) => !areApart(dest, agentsDir)))
    return `dest and the agent's own dir ${resolve(shared.dir)} are one in the other`;
  for (const other of others) {
    const isNameTaken = other.name === flags.name;
    const reason = isNameTaken
      ? `there is another configuration "${own.name}"`
      : conflict(own, placesOf(other));
    if (reason !== undefined) return reason;
  }
  return undefined;
}

function conflict(own: Places, other: Places): string | undefined {
  const their = `of "${other.name}"`;
  if (own.dir === other.dir) return `dir is that ${their} too`;
  if (own.state === other.state) return `state is that ${their} too`;
  if (own.dests.some((dest) => other.dests.includes(dest))) return `dest is that ${their} too`;
  if (overlap(own.dests, other.dests)) return `dest and that ${their} are one in the other`;
  if (overlap(own.dests, [other.dir])) return `dest and the dir ${their} are one in the other`;
  if (overlap([own.dir], other.dests)) return `dir and the dest ${their} are one in the other`;
  if (holds(own.dests, other.state)) return `dest holds the state ${their}`;
  return holds(other.dests, own.state) ? `state is in the dest ${their}` : undefined;
}

function overlap(some: readonly string[], others: readonly string[]): boolean {
  return some.some((one) => others.some((other) => !areApart(one, other)));
}

function holds(directories: readonly string[], path: string): boolean {
  return directories.some((directory) => isWithin(directory, path));
}

function placesOf(flags: AgentFlags): Places {
  const destination = destinationOf(flags, flags.dir);
  return {
    name: flags.name ?? '',
    dir: realPlace(flags.dir),
    state: realPlace(flags.state),
    dests: destination === undefined ? [] : directoriesOf(destination),
  };
}
