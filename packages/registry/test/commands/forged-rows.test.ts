import { expect, test } from 'vitest';
import { addText, OPERATOR, openRegistry } from '../support/open-registry.js';

const FORGED = '2026-11-30T06:00:00.000Z   alice@10.0.0.7   alice   ok   3ms   delconf -force project1';
/** As one may be on record from when every user name was accepted. */
const MALLORY = { ...OPERATOR, user: `x\n${FORGED}\ny` };

test('neither a user name nor an argument makes a row of audit or history', async () => {
  const registry = await openRegistry();
  await addText(registry, 'code', 'v1');
  const run = async (line: string) =>
    (await registry.dispatcher.run({ principal: MALLORY, via: 'exec' }, line)).stdout;
  await run('addconf project1 code:v1');
  await run(`showconf "nosuch\n${FORGED}"`);
  const audit = await run('audit');
  expect(audit.trimEnd().split('\n')).toHaveLength(2);
  expect(audit).toContain(`x\\n${FORGED}\\ny@192.0.2.1`);
  expect(audit).toContain(`showconf "nosuch\\n${FORGED}"`);
  const history = await run('history project1');
  expect(history.trimEnd().split('\n')).toHaveLength(2); // the header and the revision
  expect(history).toContain(`x\\n${FORGED}\\ny@192.0.2.1`);
});
