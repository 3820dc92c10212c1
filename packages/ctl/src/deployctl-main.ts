import '@deploy-tools/shared/cli/without-debugger.js';
import '@deploy-tools/shared/cli/optimise-later.js';
import { deployctl } from './deployctl.js';
import { runProgram } from './run-program.js';

await runProgram('deployctl', deployctl);
