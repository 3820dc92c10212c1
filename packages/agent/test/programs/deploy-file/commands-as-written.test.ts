import { fillTemplate } from '@deploy-tools/agent/programs/deploy-file/fill-template.js';
import { commandsAsWritten } from '@deploy-tools/agent/programs/deploy-file/load-deploy-file.js';
import { parseDeployFile } from '@deploy-tools/agent/programs/deploy-file/parse-deploy-file.js';
import { expect, it } from 'vitest';

const ENVIRONMENT = { TOKEN: 's3cr3t', LIST: '[true, true]', LINES: 'a\\nb', KEY: 'timeout' };

function shown(text: string) {
  const { commands } = parseDeployFile(fillTemplate(text, ENVIRONMENT, 'm.yml'), 'm.yml');
  return { commands, asWritten: commandsAsWritten(text, 'm.yml', commands) };
}

it.each([
  ['- deploy --token={{ must_env "TOKEN" }} now', 'deploy --token={{ must_env "TOKEN" }} now'],
  [
    '- "deploy {{ env `TOKEN` | json_escape }}{{ env `TOKEN` }}"',
    'deploy {{ env `TOKEN` | json_escape }}{{ env `TOKEN` }}',
  ],
  ['- \'echo "{{ env "TOKEN" "none" }}"\'', 'echo "{{ env "TOKEN" "none" }}"'],
  ['- deploy {{- env "TOKEN" -}} now', 'deploy{{- env "TOKEN" -}}now'],
  ['- "{{ must_env "LINES" }}"', '{{ must_env "LINES" }}'],
  ['- echo plain', 'echo plain'],
])('a command is shown as it stands in the file: %s', (command, expected) => {
  const { commands, asWritten } = shown(`commands:\n  pre:\n    ${command}\n`);
  expect(commands.pre).toHaveLength(1);
  expect(asWritten).toEqual({ pre: [expected], post: [], success: [], failure: [] });
});

it.each(['commands:\n  pre: {{ env "LIST" }}\n', 'commands:\n  post:\n    - {{ env "X" "a\\n    - b" }}\n'])(
  'what cannot be told apart is not shown: %j',
  (text) => {
    const { commands, asWritten } = shown(text);
    expect([...commands.pre, ...commands.post]).toHaveLength(2);
    expect(asWritten).toBeUndefined();
  },
);

it('none are no puzzle', () => {
  expect(shown('timeout: {{ env "X" "5" }}\n').asWritten).toEqual({
    pre: [],
    post: [],
    success: [],
    failure: [],
  });
});
