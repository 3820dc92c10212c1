import { parseDocument } from 'yaml';
import { COMMAND_LISTS, type DeployFileCommands } from './deploy-file.js';
import { markTemplate } from './fill-template.js';
import { readCommands } from './parse-deploy-file.js';

/**
 * The commands of a manifest before its variables are filled in, to be shown in place of what is run: variables hold secrets.
 * @param commands as they are run.
 * @returns undefined where variables make up more than texts, so that it is not known which command is which.
 */
export function commandsAsWritten(
  text: string,
  label: string,
  commands: DeployFileCommands,
): DeployFileCommands | undefined {
  const { text: marked, unmark } = markTemplate(text, label);
  const document = parseDocument(marked, { prettyErrors: false, logLevel: 'silent' });
  const found = document.errors.length > 0 ? undefined : readCommands(document.contents);
  if (found === undefined || COMMAND_LISTS.some((list) => found[list].length !== commands[list].length))
    return undefined;
  const { pre, post, success, failure } = found;
  const shown = (list: readonly string[]): string[] => list.map(unmark);
  return { pre: shown(pre), post: shown(post), success: shown(success), failure: shown(failure) };
}
