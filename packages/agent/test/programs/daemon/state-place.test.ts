import { checkStateIsOurs } from '@deploy-tools/agent/programs/daemon/state-place.js';
import { expect, it } from 'vitest';
import { configOf } from '../../agent-context.js';

const OTHER = { ...configOf({ hash: 'a'.repeat(64), size: 1 }), name: 'other' };
const since = '2026-03-01T12:00:00.000Z';

it('a state file is refused that names a configuration which this agent never followed', () => {
  const check = (name: string, journal: Parameters<typeof checkStateIsOurs>[2]['journal'] = {}) =>
    checkStateIsOurs('/srv/state.json', name, { journal, lastGood: OTHER });
  expect(() => check('site')).toThrow('the state file /srv/state.json belongs to the configuration "other"');
  check('other');
  check('renamed', { live: { config: OTHER, how: 'proven', since } });
  checkStateIsOurs('/srv/state.json', 'site', { journal: {}, lastGood: undefined });
});
