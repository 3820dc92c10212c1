import type { Configuration } from '@deploy-tools/shared/model.js';
import type { Author } from '../meta/author.js';
import type { NameEvents } from './name-events.js';

/** The last revision of a configuration, and its author. */
export interface ConfigurationHead {
  readonly name: string;
  /** 0 when there never was a configuration of that name. */
  readonly revision: number;
  /** Undefined when the configuration is deleted, or never was. */
  readonly hash: string | undefined;
  /** RFC 3339 UTC; undefined when there never was one. */
  readonly mtime: string | undefined;
  readonly author: Author | undefined;
  /** The command line that made the revision. */
  readonly command: string | undefined;
}

/**
 * Announces every revision after its commit, never before. Two revisions of one name that follow each other closely may
 * arrive in either order: compare their numbers.
 */
export type ConfigurationEvents = NameEvents<ConfigurationHead>;

/** A revision as subscribers get it; a revision without layers is a deletion. */
export function headOf(
  { name, revision, hash, mtime, layers }: Configuration,
  { author, command }: { readonly author: Author; readonly command: string },
): ConfigurationHead {
  return { name, revision, hash: layers.length === 0 ? undefined : hash, mtime, author, command };
}
