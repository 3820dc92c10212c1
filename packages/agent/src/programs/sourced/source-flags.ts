import type { FlagSpec } from '@deploy-tools/shared/cli/flags.js';

/** What the agent takes on its command line to follow a source by itself: docs/agent-sources.md. */
export const SOURCE_FLAGS = [
  {
    name: 'source',
    type: 'string',
    help: 'follow this place instead of a registry: ghr://owner/repo, s3://, gs://, grpc://, img://, file://',
  },
  {
    name: 'slot',
    type: 'string',
    help: 'with -source: only versions with this build metadata, such as blue of 1.2.3+blue',
  },
  {
    name: 'notify',
    type: 'list',
    help: 'with -source: tell this receiver of deployments: slack://, smtp://, webhook+https://, exec://',
  },
] as const satisfies readonly FlagSpec[];
