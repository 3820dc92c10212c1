import { columns } from '@deploy-tools/shared/columns.js';
import {
  ADDVER,
  COMPONENTS,
  DELCOMP,
  DELVER,
  SHOWCOMP,
} from '@deploy-tools/shared/commands/command-specs.js';
import { authorName } from '../core/principal.js';
import { command } from './command.js';
import { namesResult, seconds, versionJson } from './json-shapes.js';

export const addver = command(ADDVER, ['name', 'version', 'hash'], async ({ registry, change }, args) => {
  const { name: component, version, hash, new: insistNew } = args;
  const author = authorName(change.author);
  const added = await registry.versions.add({ component, version, hash, author, insistNew });
  const known = `version "${version}" of component "${component}" is there already, with the same content\n`;
  return { value: { ...versionJson(added.version), new: added.isNew }, text: added.isNew ? '' : known };
});

export const delver = command(DELVER, ['name', 'version'], async ({ registry }, args) => {
  const { name: component, version } = args;
  return { value: versionJson(await registry.versions.delete({ component, version })), text: '' };
});

export const delcomp = command(DELCOMP, ['name'], async ({ registry }, { name }) => {
  const deleted = await registry.versions.deleteComponent(name);
  return { value: deleted.map(versionJson), text: '' };
});

/** An unknown component has no versions, and that is not an error: the Go registry answers so too. */
export const showcomp = command(SHOWCOMP, ['name'], async ({ registry }, { name }) => {
  const versions = await registry.meta.read((tx) => tx.versions(name));
  return {
    value: versions.map(versionJson),
    text: columns(versions.map(({ created, version }) => [seconds(created), version])),
  };
});

export const components = command(COMPONENTS, [], async ({ registry }) => {
  const names = await registry.meta.read((tx) => tx.components());
  return namesResult(names);
});
