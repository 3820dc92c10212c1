import { columns } from '@deploy-tools/shared/columns.js';
import {
  ADDVER,
  COMPONENTS,
  DELCOMP,
  DELVER,
  SHOWCOMP,
} from '@deploy-tools/shared/commands/command-specs.js';
import { required } from '@deploy-tools/shared/commands/required.js';
import { authorName } from '../core/notices/change-notice.js';
import { command } from './command.js';
import { seconds, versionJson } from './json-shapes.js';

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

export const delver = command(DELVER, async ({ registry }, args) => {
  const { name: component, version } = required({ name: args.name, version: args.version });
  return { value: versionJson(await registry.versions.delete({ component, version })), text: '' };
});

export const delcomp = command(DELCOMP, async ({ registry }, args) => {
  const { name } = required({ name: args.name });
  const deleted = await registry.versions.deleteComponent(name);
  return { value: deleted.map(versionJson), text: '' };
});

/** An unknown component has no versions, and that is not an error: the Go registry answers so too. */
export const showcomp = command(SHOWCOMP, async ({ registry }, args) => {
  const { name } = required({ name: args.name });
  const versions = await registry.meta.read((tx) => tx.versions(name));
  return {
    value: versions.map(versionJson),
    text: columns(versions.map(({ created, version }) => [seconds(created), version])),
  };
});

export const components = command(COMPONENTS, async ({ registry }) => {
  const names = await registry.meta.read((tx) => tx.components());
  return { value: names, text: names.map((name) => `${name}\n`).join('') };
});
