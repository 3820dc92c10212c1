import { columns } from '@deploy-tools/shared/columns.js';
import { SHOWCONF } from '@deploy-tools/shared/commands/command-specs.js';
import { required } from '@deploy-tools/shared/commands/required.js';
import { requireConfiguration } from '../core/configurations.js';
import { command } from './command.js';
import { configurationJson, seconds } from './json-shapes.js';

export const showconf = command(SHOWCONF, async ({ registry }, args) => {
  const { name } = required({ name: args.name });
  const configuration = await registry.meta.read((tx) => requireConfiguration(tx, name));
  const { mtime, hash, revision, layers } = configuration;
  const head = `Name:\t${name}\nMtime:\t${seconds(mtime)}\nHash:\t${hash}\nRevision:\t${revision}\n\n`;
  const rows = layers.map((layer) => [layer.component, layer.version, seconds(layer.created)]);
  return { value: configurationJson(configuration), text: (args.v ? head : '') + columns(rows) };
});
