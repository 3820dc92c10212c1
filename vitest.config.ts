import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.js';
import { SummaryReporter } from './test/support/summary-reporter.js';

const common = {
  pool: 'forks' as const,
  // The files that a worker runs share its process: a new one for each would take a fifth of the whole time.
  isolate: false,
  setupFiles: ['test/support/properties.ts', 'test/support/processor-time.ts'],
  testTimeout: 600_000,
  hookTimeout: 600_000,
};

export default defineConfig({
  test: {
    reporters: ['default', new SummaryReporter()],
    sequence: { sequencer: LongestFirst },
    // Most tests wait for the programs that they drive; one worker for each core would be idle. CI is in no hurry, and a deadline
    // in a test is kept the more surely the less runs beside it.
    maxWorkers: process.env.CI === undefined ? 5 : 3,
    projects: [
      { test: { ...common, name: 'unit', include: ['packages/*/test/**/*.test.ts'] } },
      { test: { ...common, name: 'architecture', include: ['test/architecture/**/*.test.ts'] } },
      { test: { ...common, name: 'black-box', include: ['test/black-box/**/*.test.ts'] } },
      { test: { ...common, name: 'compatibility', include: ['test/compatibility/**/*.test.ts'] } },
    ],
  },
});
