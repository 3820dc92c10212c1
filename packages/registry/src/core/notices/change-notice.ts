import type { ConfigurationNotice } from '@deploy-tools/notices/notice.js';
import type { Author } from '../../meta/author.js';
import type { Revision } from '../../meta/meta-store.js';

/** The notice of a revision; a revision without layers is a deletion. */
export function changeNotice({
  name,
  revision,
  mtime,
  author,
  command,
  layers,
}: Revision): ConfigurationNotice {
  const change = { revision, author: authorName(author), command, deleted: layers.length === 0 };
  return { event: 'configuration-changed', time: mtime, configuration: name, ...change };
}

/** The name of a key's owner: its comment, else its fingerprint. */
export function authorName({ comment, fingerprint }: Pick<Author, 'comment' | 'fingerprint'>): string {
  return comment === '' ? fingerprint : comment;
}
