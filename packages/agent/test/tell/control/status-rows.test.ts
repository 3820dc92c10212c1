import { statusRows } from '@deploy-tools/agent/tell/control/status-rows.js';
import { expect, it } from 'vitest';

const SINCE = '2026-03-01T12:00:00.000Z';

it.each([
  [undefined, ''],
  [{ Connected: true, Since: SINCE }, ''],
  [{ Connected: false }, 'not connected to the registry yet'],
  [
    { Connected: false, Since: SINCE, Error: 'refused' },
    `no connection to the registry since ${SINCE}: refused`,
  ],
])('a status tells of the connection to the registry what has to be known: %j', (registry, why) => {
  const [, row] = statusRows([{ Config: 'shop', State: 'healthy', Registry: registry }]);
  expect(row?.at(-1)).toBe(why);
});
