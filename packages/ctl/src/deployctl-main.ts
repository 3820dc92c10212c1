import { deployctl } from './deployctl.js';
import { runProgram } from './run-program.js';

await runProgram('deployctl', deployctl);
