import type { Role } from '@deploy-tools/shared/commands/command-specs.js';
import type { Author } from '../meta/author.js';
import type { Access } from './access.js';

/** The client of a connection, as proven by its key. */
export interface Principal {
  readonly role: Role;
  /** The SSH user name. */
  readonly user: string;
  /** `SHA256:…` of the public key. */
  readonly fingerprint: string;
  /** The key's comment in the key file. */
  readonly comment: string;
  /** The peer's IP address. */
  readonly address: string;
  /** The configurations that it may read; operators may read all. */
  readonly access: Access;
}

/** The principal as the author of a change. */
export function authorOf({ fingerprint, comment, user, address }: Principal): Author {
  return { fingerprint, comment, user, address };
}

/** The name of a key's owner: its comment, else its fingerprint. */
export function authorName({ comment, fingerprint }: Pick<Author, 'comment' | 'fingerprint'>): string {
  return comment === '' ? fingerprint : comment;
}
