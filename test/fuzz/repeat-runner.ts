import { setMaxListeners } from 'node:events';
import { inject, type RunnerTestCase, TestRunner } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    /** How often more than once a test runs, by its id; once what is not in it. */
    repeats: Readonly<Record<string, number>>;
  }
}

// vitest listens to one signal for each time that a test runs.
setMaxListeners(0);

/** Runs tests as often as `npm run fuzz` asks for, each time with its hooks. */
export default class RepeatRunner extends TestRunner {
  override async onBeforeRunTask(test: RunnerTestCase): Promise<void> {
    await super.onBeforeRunTask(test);
    test.repeats = inject('repeats')[test.id] ?? 0;
  }
}
