import fc from 'fast-check';
import { TestRunner } from 'vitest';

declare module 'vitest' {
  interface TaskMeta {
    /** How many properties the test has checked. */
    properties?: number;
  }
}

/** One seed for all properties of `npm test`: a run on any machine tries the same cases. */
const FIXED_SEED = 20_250;

// Loaded before each test file (vitest.config.ts). A seed that a property names itself wins, so a find is repeated by
// `fc.assert(property, { seed, path })`; the number of runs is 100 where a property does not say another. `npm run fuzz` gives no
// seed, so that fast-check takes a new one for each check.
fc.configureGlobal({
  ...(process.env.FUZZ === undefined ? { seed: FIXED_SEED } : {}),
  numRuns: 100,
  reporter: report,
});

function report(details: fc.RunDetails<unknown>): void {
  const test = TestRunner.getCurrentTest();
  if (test !== undefined) test.meta.properties = (test.meta.properties ?? 0) + 1;
  const message = fc.defaultReportMessage(details);
  if (message !== undefined) throw new Error(message, { cause: details.errorInstance });
}
