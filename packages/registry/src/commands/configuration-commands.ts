import { columns } from '@deploy-tools/shared/columns.js';
import {
  ADDCONF,
  BUMPCONF,
  CHANGECONF,
  CONFIGURATIONS,
  DELCONF,
  REPLACECONF,
  SHOWCONF,
} from '@deploy-tools/shared/commands/command-specs.js';
import { ROLLBACK } from '@deploy-tools/shared/commands/fleet-specs.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import type { Configuration } from '@deploy-tools/shared/model.js';
import { parseLayerRef } from '@deploy-tools/shared/names.js';
import { requireConfiguration } from '../core/configurations.js';
import { hasFailed, landedText } from '../core/fleet/landings.js';
import { hasOtherComponents, type LayerChanges, layerChanges } from '../core/layer-changes.js';
import { listed, rollBack } from '../core/rollback.js';
import { command } from './command.js';
import { configurationJson, namesResult, seconds } from './json-shapes.js';
import { changesText } from './layer-change-text.js';

/** A word in quotes, as the Go registry prints it in command lines. */
function quoted(word: string): string {
  return `"${word.replace(/(["\\])/g, '\\$1')}"`;
}

/** Makes or replaces a configuration, as the Go registry does. On a terminal other components need -force. */
export const addconf = command(ADDCONF, ['name'], async ({ registry, change, terminal }, args) => {
  const { name } = args;
  let warning = '';
  const beforeReplacing = (before: Configuration, changes: LayerChanges): void => {
    if (!hasOtherComponents(changes)) return;
    if (terminal && !args.force) throw needsForce(before, changes);
    warning = replacementWarning(before, changes);
  };
  const layers = args.layer.map(parseLayerRef);
  const { after } = await registry.configurations.put({ ...change, beforeReplacing }, name, layers);
  return { value: configurationJson(after), text: '', warning };
});

function needsForce({ name }: Configuration, changes: LayerChanges): DeployError {
  return new DeployError(
    'conflict',
    `configuration "${name}" exists with other components: ${changesText(changes)}`,
    { hint: 'repeat it with -force to replace it; changeconf sets one layer and keeps the others' },
  );
}

function replacementWarning({ name, revision }: Configuration, changes: LayerChanges): string {
  const undo = `rollback -name=${quoted(name)} -to=${revision}`;
  return `configuration "${name}" was replaced by one with other components: ${changesText(changes)} (to undo it run: ${undo})`;
}

export const replaceconf = command(REPLACECONF, ['name'], async ({ registry, change }, { name, layer }) => {
  const { after } = await registry.configurations.replace(change, name, layer.map(parseLayerRef));
  return { value: configurationJson(after), text: '' };
});

export const changeconf = command(
  CHANGECONF,
  ['name', 'component', 'version'],
  async ({ registry, change }, args) => {
    const { name, component, version } = args;
    const { after } = await registry.configurations.changeLayer(change, name, { component, version });
    return { value: configurationJson(after), text: '' };
  },
);

export const bumpconf = command(BUMPCONF, ['name', 'component'], async ({ registry, change }, args) => {
  const { name, component } = args;
  const { before, after } = await registry.configurations.bumpLayer(change, name, component);
  const old = before?.layers.find((layer) => layer.component === component);
  const value = configurationJson(after);
  if (old === undefined || before === after) return { value: { ...value, undo: null }, text: '' };
  const undo = `changeconf -name=${quoted(name)} -component=${quoted(component)} -version=${quoted(old.version)}`;
  return { value: { ...value, undo }, text: `to roll back run:\n\t${undo}\n` };
});

export const rollback = command(ROLLBACK, ['name'], async ({ registry, change }, args) => {
  const { name } = args;
  const { before, after, restored, passedOver } = await rollBack(registry, change, { name, to: args.to });
  const { revision, landed } = restored;
  const value = { ...configurationJson(after), restored: revision, landed, passedOver };
  if (before === after) {
    const text = `nothing to do: the layers of revision ${revision} are those of revision ${after.revision}\n`;
    return { value: { ...value, undo: null }, text };
  }
  const changed = changesText(layerChanges(before?.layers ?? [], after.layers));
  const passed = passedOver.length === 0 ? '' : `passed over: ${listed(passedOver)}\n`;
  const done = `revision ${after.revision} has the layers of revision ${revision}: ${changed}\n${passed}`;
  const warning = hasFailed(landed) ? `revision ${revision} has failed before: ${landedText(landed)}` : '';
  if (before === undefined) return { value: { ...value, undo: null }, text: done, warning };
  const undo = `rollback -name=${quoted(name)} -to=${before.revision}`;
  return { value: { ...value, undo }, text: `${done}to undo it run:\n\t${undo}\n`, warning };
});

export const delconf = command(DELCONF, ['name'], async ({ registry, change }, args) => {
  const { name } = args;
  if (!args.force) throw new DeployError('usage', 'Run command with -force flag to confirm removal');
  const deleted = await registry.configurations.delete(change, name);
  return { value: configurationJson(deleted), text: '' };
});

export const showconf = command(SHOWCONF, ['name'], async ({ registry }, args) => {
  const { name } = args;
  const configuration = await registry.meta.read((tx) => requireConfiguration(tx, name));
  const { mtime, hash, revision, layers } = configuration;
  const head = `Name:\t${name}\nMtime:\t${seconds(mtime)}\nHash:\t${hash}\nRevision:\t${revision}\n\n`;
  const rows = layers.map((layer) => [layer.component, layer.version, seconds(layer.created)]);
  return { value: configurationJson(configuration), text: (args.v ? head : '') + columns(rows) };
});

export const configurations = command(CONFIGURATIONS, [], async ({ registry }) => {
  const names = await registry.meta.read((tx) => tx.configurations());
  return namesResult(names);
});
