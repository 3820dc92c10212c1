import { ADDVER } from '@deploy-tools/shared/commands/command-specs.js';
import { required } from '@deploy-tools/shared/commands/required.js';
import { authorName } from '../core/notices/change-notice.js';
import { command } from './command.js';
import { versionJson } from './json-shapes.js';

export const addver = command(ADDVER, async ({ registry, change }, args) => {
  const { name, version, hash } = required({ name: args.name, version: args.version, hash: args.hash });
  const added = await registry.versions.add({
    component: name,
    version,
    hash,
    author: authorName(change.author),
    insistNew: args.new,
  });
  const text = `version "${version}" of component "${name}" is there already, with the same content\n`;
  return {
    value: { ...versionJson(added.version), new: added.isNew },
    text: added.isNew ? '' : text,
  };
});
