import type { ConfigurationNotice } from '@deploy-tools/notices/notice.js';
import type { Author } from '../../meta/author.js';
import type { Revision } from '../../meta/meta-store.js';

/** A revision without layers is a deletion. */
export function changeNotice({
  name,
  revision,
  mtime,
  author,
  command,
  layers,
}: Revision): ConfigurationNotice {
  return {
    event: 'configuration-changed',
    time: mtime,
    configuration: name,
    revision,
    author: authorName(author),
    command,
    deleted: layers.length === 0,
  };
}

/** What the key's owner is called: its comment, else its fingerprint. */
export function authorName({ comment, fingerprint }: Pick<Author, 'comment' | 'fingerprint'>): string {
  return comment === '' ? fingerprint : comment;
}
