import { changing } from './command-spec.js';
import { JSON_FLAG } from './common-flags.js';

/** The actions of `notify`. */
export const NOTIFY_ACTIONS = ['add', 'list', 'test', 'remove'] as const;

/** The events that receivers can be notified of; docs/notices.md has their meanings. */
export const NOTIFY_EVENTS = [
  'version-added',
  'configuration-changed',
  'deploy-started',
  'deploy-succeeded',
  'deploy-failed',
  'deploy-rolled-back',
  'host-lost',
  'host-recovered',
  'disk-low',
  'disk-recovered',
] as const;

export const NOTIFY = changing({
  name: 'notify',
  summary: 'add, list, test and remove receivers of notices: Slack, mail, webhooks, programs',
  flags: [
    { name: 'do', type: 'string', help: 'add, list, test or remove', oneOf: NOTIFY_ACTIONS },
    { name: 'receiver', type: 'string', help: 'URL to add; number of the receiver to test, remove or list' },
    {
      name: 'event',
      type: 'list',
      help: 'with add: only this event; all without it',
      oneOf: NOTIFY_EVENTS,
    },
    {
      name: 'name',
      type: 'list',
      help: 'with add: only events of this configuration or component',
      completes: 'configuration',
    },
    { name: 'v', type: 'bool', help: 'with list: show the last deliveries' },
    JSON_FLAG,
  ],
  positionals: [
    { label: 'add|list|test|remove', flags: ['do'] },
    { label: 'URL|NUMBER', flags: ['receiver'] },
  ],
  required: ['do'],
  examples: [
    "notify add 'slack://deploys?title=shop' -name project1",
    "notify add 'smtp://mail.example.com:587/ops@example.com?from=deploy@example.com' -event deploy-failed -event host-lost",
    "notify add 'webhook+https://example.com/hook?secret-env=WEBHOOK_SECRET'",
    'notify list -v',
    'notify test 1',
    'notify remove 1',
  ],
});
