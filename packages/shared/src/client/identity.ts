import type { BaseAgent, ParsedKey } from 'ssh2';

/** A key, or an ssh-agent with keys, to authenticate with. */
export type Credential =
  | { readonly kind: 'key'; readonly label: string; readonly key: ParsedKey }
  | { readonly kind: 'agent'; readonly labels: readonly string[]; readonly agent: BaseAgent };

/** The credentials of a client, in the order in which they are offered. */
export interface Identity {
  readonly credentials: readonly Credential[];
}

/** The names of an identity's keys, for messages. */
export function keyLabels(identity: Identity): readonly string[] {
  return identity.credentials.flatMap((credential) =>
    credential.kind === 'key' ? [credential.label] : credential.labels,
  );
}
