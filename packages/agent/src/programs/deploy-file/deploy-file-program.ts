import { runProgram } from '@deploy-tools/shared/cli/program.js';
import { programVersion } from '@deploy-tools/shared/version.js';
import { urlOpener } from '@deploy-tools/sources/objects/open-url.js';
import { stopSignal } from '../../host/agent-signals.js';
import { systemTimers } from '../../host/timers.js';
import type { DeployContext } from './deploy-context.js';
import { DEPLOY_FILE_FLAGS, type DeployFileFlags, deployFileSettings } from './deploy-file-flags.js';
import { isUnderConsul, manifestUrl } from './deploy-file-url.js';
import { DeployLog } from './deploy-log.js';
import { runDeployFile } from './run-deploy-file.js';

/** `deploy-agent manifest`: one deployment, described by a manifest. Sets process.exitCode. */
export async function runDeployFileProgram(argv: readonly string[]): Promise<void> {
  await runProgram(
    {
      name: 'deploy-agent manifest',
      summary:
        'Usage: deploy-agent manifest [flags] [URL]\n' +
        'Deploys once what a manifest says (docs/manifest-deployments.md). Its URL is the argument, or comes on standard input: a line, which\n' +
        'is what a handler of Serf gets, or the events of `consul watch -type event`. URLs: s3://, gs://, https://, http://, file://.',
      flags: DEPLOY_FILE_FLAGS,
      positionals: [{ label: 'URL', flags: ['url'] }],
      goesOnWithoutOutput: true, // the program that started this may be gone
      run: deploy,
    },
    argv,
  );
}

/** @returns 0 or 1; under `consul watch`, which ends with its handler, always 0. */
async function deploy(flags: DeployFileFlags): Promise<number> {
  if (flags.v) {
    process.stdout.write(`deploy-agent manifest ${programVersion()}\n`);
    return 0;
  }
  const settings = deployFileSettings(flags);
  const environment = process.env;
  const log = new DeployLog((text) => process.stderr.write(text));
  const context: DeployContext = {
    settings,
    environment,
    log,
    timers: systemTimers,
    open: urlOpener({ environment }),
    print: (stream, line) => process[stream].write(`${line}\n`),
    signal: stopSignal((name) => log.line(`stopping: ${name}`)),
  };
  log.line(`deploy-agent manifest ${programVersion()}`);
  const source = { argument: flags.url, environment, stdin: process.stdin };
  try {
    const succeeded = await runDeployFile(() => manifestUrl(source), context);
    return succeeded || isUnderConsul(environment) ? 0 : 1;
  } finally {
    log.close();
    process.stdin.destroy();
  }
}
