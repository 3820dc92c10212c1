import { flagUsage } from '@deploy-tools/shared/cli/usage.js';
import yargs, { type Argv } from 'yargs';
import { DEPLOYCTL_COMMANDS, DEPLOYCTL_FLAGS } from './deployctl-grammar.js';

const USAGE = 'Usage: deployctl [flags] SUBCOMMAND [flags of the subcommand]';
const EPILOGUE = `use -h flag after a subcommand to get more help on it
exit status: 0 done, 1 failed, 2 wrong usage, 3 time is up (status -wait), 4 cannot connect or authenticate`;

/** The help of `deployctl -h`. yargs cannot show flags with one dash, as Go has them, so flagUsage shows the flags. */
export async function deployctlUsage(): Promise<string> {
  const usage = `${USAGE}\n\n${flagUsage(DEPLOYCTL_FLAGS).trimEnd()}`;
  return `${await commandTable().usage(usage).epilogue(EPILOGUE).getHelp()}\n`;
}

/** The subcommand nearest to a mistyped word; undefined when none is near. */
export async function suggestedCommand(word: string): Promise<string | undefined> {
  const reasons: string[] = [];
  const table = commandTable()
    .strictCommands()
    .recommendCommands()
    .fail((message) => {
      reasons.push(message);
    });
  await table.parseAsync([word]);
  return /^Did you mean (\S+)\?$/m.exec(reasons.join('\n'))?.[1];
}

/** The subcommands as yargs shows them. yargs takes 90 ms to load, so this module is imported only when needed. */
function commandTable(): Argv {
  const table = yargs([])
    .scriptName('')
    .locale('en')
    .help(false)
    .version(false)
    .exitProcess(false)
    .wrap(null)
    .updateStrings({ 'Commands:': 'subcommands:' });
  for (const { name, summary } of DEPLOYCTL_COMMANDS) table.command(name, summary);
  return table.command('completion', 'print the completion script for bash, zsh or fish');
}
