import type { BaseAgent, ParsedKey } from 'ssh2';

/** One thing to authenticate with. */
export type Credential =
  | { readonly kind: 'key'; readonly label: string; readonly key: ParsedKey }
  | { readonly kind: 'agent'; readonly labels: readonly string[]; readonly agent: BaseAgent };

/** Who we are to the other side: credentials in the order in which they are offered. */
export interface Identity {
  readonly credentials: readonly Credential[];
}

/** The keys of an identity as a message names them. */
export function keyLabels(identity: Identity): readonly string[] {
  return identity.credentials.flatMap((credential) =>
    credential.kind === 'key' ? [credential.label] : credential.labels,
  );
}
