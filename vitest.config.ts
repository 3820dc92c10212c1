import { defineConfig } from 'vitest/config';

const common = { pool: 'forks' as const, testTimeout: 30_000, hookTimeout: 30_000 };

export default defineConfig({
  test: {
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
