import '@deploy-tools/shared/cli/without-debugger.js';
import '@deploy-tools/shared/cli/optimise-later.js';
import { fromDocker } from './from-docker.js';
import { runProgram } from './run-program.js';

await runProgram('deploy-from-docker', fromDocker);
