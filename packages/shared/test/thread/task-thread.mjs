// A thread for run-in-thread.test.ts: does what its task says.
import { writeFileSync } from 'node:fs';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { serveThread } from '@deploy-tools/shared/thread/serve-thread.js';

await serveThread(async ({ act, path, gate }) => {
  switch (act) {
    case 'answer':
      return 42;
    case 'fail':
      throw new DeployError('unsafe', 'it leads outside', { hint: 'look at it' });
    case 'die':
      process.once('exit', () => {
        if (gate !== undefined) Atomics.store(gate, 0, 1);
      });
      setImmediate(() => {
        throw new Error('oops');
      });
      return await new Promise(() => setInterval(() => undefined, 1000));
    case 'exit':
      process.exit(0);
      break;
    case 'fill': {
      const held = [];
      for (;;) held.push({ text: String(held.length).repeat(100) });
    }
    case 'write':
      // Until it is ended from outside: whatever is written after that would be seen.
      for (let count = 1; ; count++) {
        writeFileSync(path, String(count));
        Atomics.store(gate, 0, count);
        Atomics.notify(gate, 0);
      }
  }
});
