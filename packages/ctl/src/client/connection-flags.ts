import type { FlagValues } from '@deploy-tools/shared/cli/flags.js';

/** The flags of both programs for the registry's address and the operator's identity. */
export const CONNECTION_FLAGS = [
  {
    name: 'addr',
    type: 'string',
    help: 'registry address (default $DEPLOYCTL_ADDR, else "localhost:2022")',
  },
  {
    name: 'fp',
    type: 'string',
    help: 'fingerprint of the registry\'s host key, "SHA256:..." (default $DEPLOYCTL_FINGERPRINT, else the host is looked up in ~/.ssh/known_hosts)',
  },
  {
    name: 'key',
    type: 'string',
    help: 'private key file (default: the keys of ssh-agent, else ~/.ssh/id_ed25519, id_ecdsa, id_rsa)',
    completes: 'file',
  },
  { name: 'user', type: 'string', help: 'user name for the audit log (default $USER)' },
  {
    name: 'timeout',
    type: 'duration',
    help: 'how long connecting and authenticating may take',
    default: '30s',
  },
] as const;

export type ConnectionValues = FlagValues<typeof CONNECTION_FLAGS>;
