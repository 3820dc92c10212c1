import { loadSqlite } from '@deploy-tools/registry/meta/sqlite/sqlite-driver.js';
import { expect, test } from 'vitest';
import { startScript } from '../../../../shared/test/support/script-process.js';

test('a statement without references does not end the process when it is collected', async () => {
  // Between two callbacks of the loop: there, Node.js 24.19 and later abort with version 12 of the driver.
  const script = startScript(
    `import { setImmediate } from 'node:timers/promises';
     import { loadSqlite } from '@deploy-tools/registry/meta/sqlite/sqlite-driver.js';
     const Database = loadSqlite();
     function leaveGarbage() {
       const db = new Database(':memory:');
       for (let at = 0; at < 100; at += 1) db.prepare('SELECT ' + at).get();
     }
     for (let round = 0; round < 200; round += 1) {
       if (round % 20 === 0) leaveGarbage();
       Array.from({ length: 100_000 }, (_, at) => ({ at }));
       await setImmediate();
     }
     console.log('alive');`,
  );
  expect(await script.line()).toBe('alive');
});

test.each([
  ['9', 'better-sqlite3-12'],
  ['10', 'better-sqlite3'],
])('with Node-API %s it is %s, and the error says so where that is missing', (nodeApi, name) => {
  const missing = (asked: string) => {
    throw new Error(`Cannot find module '${asked}'\nRequire stack: x`);
  };
  expect(() => loadSqlite(missing, nodeApi)).toThrow(
    `the package ${name} cannot be loaded: Cannot find module '${name}'`,
  );
});
