import { defineConfig } from 'vitest/config';
import { SummaryReporter } from './test/support/summary-reporter.js';

const common = { pool: 'forks' as const, testTimeout: 60_000, hookTimeout: 60_000 };

export default defineConfig({
  test: {
    reporters: ['default', new SummaryReporter()],
    // Most tests wait for the programs that they drive; one worker for each core would be idle.
    maxWorkers: 3,
    projects: [
      { test: { ...common, name: 'unit', include: ['packages/*/test/**/*.test.ts'] } },
      { test: { ...common, name: 'architecture', include: ['test/architecture/**/*.test.ts'] } },
      { test: { ...common, name: 'black-box', include: ['test/black-box/**/*.test.ts'] } },
      { test: { ...common, name: 'compatibility', include: ['test/compatibility/**/*.test.ts'] } },
    ],
  },
});
