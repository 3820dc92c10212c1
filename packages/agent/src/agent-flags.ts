import type { FlagSpec } from '@deploy-tools/shared/cli/flags.js';

/** The original's flags first, then ours. */
export const AGENT_FLAGS = [
  { name: 'addr', type: 'string', help: 'registry address (host:port)', default: 'localhost:2022' },
  { name: 'name', type: 'string', help: 'configuration to track' },
  {
    name: 'fp',
    type: 'string',
    help: 'registry server key fingerprint; without it ~/.ssh/known_hosts is used',
  },
  { name: 'key', type: 'string', help: 'ssh private key to use', default: 'id_ecdsa' },
  { name: 'dir', type: 'string', help: 'directory to store downloaded and unpacked files', default: '.' },
  {
    name: 'script',
    type: 'string',
    help: 'script to run on deploys, empty for none',
    default: './deploy.sh',
  },
  { name: 'state', type: 'string', help: 'file to save state to', default: 'state.json' },
  { name: 'poll', type: 'duration', help: 'registry poll interval', default: '30s' },
  { name: 'cleanold', type: 'bool', help: 'remove unreferenced unpacked files after successful switch' },
  { name: 'v', type: 'bool', help: "be more chatty about what's happening (same as -log-level debug)" },
  { name: 'once', type: 'bool', help: 'look once, deploy if needed, and exit with its result' },
  { name: 'watch', type: 'bool', help: 'have the registry tell of changes at once', default: 'true' },
  {
    name: 'silence',
    type: 'duration',
    help: 'give up a connection on which a watching agent hears nothing for so long',
    default: '45s',
  },
  { name: 'script-timeout', type: 'duration', help: 'stop the script after this long', default: '10m0s' },
  { name: 'known-hosts', type: 'string', help: 'known_hosts file to use instead of ~/.ssh/known_hosts' },
  { name: 'allow', type: 'list', help: 'let archives hold outside-links, devices, fifos or setid bits' },
  {
    name: 'owner',
    type: 'bool',
    help: "keep the archives' owners (root only); otherwise files belong to the agent's user",
  },
  {
    name: 'reuse',
    type: 'string',
    help: 'how unchanged files come into a new release: reflink, copy, hardlink (an edit in place then reaches the old release too), off, or auto: reflink or else copy',
    default: 'auto',
  },
  { name: 'max-entries', type: 'int', help: 'most entries of one release', default: '1000000' },
  { name: 'max-size', type: 'size', help: 'most bytes of one release, unpacked', default: '50GB' },
  { name: 'max-ratio', type: 'int', help: 'most bytes unpacked from one byte of archive', default: '1000' },
  {
    name: 'log-level',
    type: 'string',
    help: 'trace, debug, info, warn, error, fatal or silent',
    default: 'info',
  },
] as const satisfies readonly FlagSpec[];
