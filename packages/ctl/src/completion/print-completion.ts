import { parseFlags } from '@deploy-tools/shared/cli/flags.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { completionScript, SHELLS } from '../completion-script.js';
import { explainUsage } from '../explain-usage.js';
import type { ProgramIo } from '../program-io.js';

const GRAMMAR = {
  flags: [{ name: 'shell', type: 'string', help: 'bash, zsh or fish' }],
  positionals: [{ label: 'SHELL', flags: ['shell'] }],
} as const;

const USAGE = `Usage of completion: deployctl completion bash|zsh|fish

print a script that completes subcommands, flags and names; to use it:
  bash: source <(deployctl completion bash)      in ~/.bashrc
  zsh:  source <(deployctl completion zsh)       in ~/.zshrc, after compinit
  fish: deployctl completion fish | source       in ~/.config/fish/config.fish
`;

/** `deployctl completion SHELL`. */
export async function printCompletion(io: ProgramIo, argv: readonly string[]): Promise<number> {
  const text = await explainUsage(
    io,
    () => USAGE,
    () => {
      const { values, help } = parseFlags(GRAMMAR, argv);
      if (help) return USAGE;
      const { shell = '' } = values;
      if (!SHELLS.includes(shell)) {
        throw new DeployError('usage', 'name a shell: bash, zsh or fish');
      }
      return completionScript(shell);
    },
  );
  if (text === undefined) return 2;
  io.stdout.write(text);
  return 0;
}
