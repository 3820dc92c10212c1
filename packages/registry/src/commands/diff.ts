import { columns } from '@deploy-tools/shared/columns.js';
import { DIFF } from '@deploy-tools/shared/commands/fleet-specs.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { layerChanges } from '../core/layer-changes.js';
import { requireRevision } from '../core/rollback.js';
import type { MetaReader, Revision } from '../meta/meta-store.js';
import { command } from './command.js';
import { changeCells, changeJson } from './layer-change-text.js';

export const diff = command(DIFF, ['name'], async ({ registry }, args) => {
  const { name } = args;
  const { from, to } = await registry.meta.read(async (tx) => {
    const last = args.to === undefined ? await tx.head(name) : await revisionOf(tx, name, args.to);
    if (last === undefined) throw new DeployError('not-found', `configuration "${name}" not found`);
    return { from: await revisionOf(tx, name, args.from ?? last.revision - 1), to: last };
  });
  const { changes, reordered } = layerChanges(from?.layers ?? [], to.layers);
  const numbers = `${from?.revision ?? 'nothing'} → ${to.revision}`;
  const rows = columns(changes.map(changeCells)).replace(/ +$/gm, '');
  const moved = reordered ? `order: ${to.layers.map(({ component }) => component).join(', ')}\n` : '';
  const revisions = { from: from?.revision ?? null, to: to.revision };
  return {
    value: { name, ...revisions, changes: changes.map(changeJson), reordered },
    text: `${name}: ${numbers}\n${rows}${moved}${changes.length === 0 && !reordered ? 'no difference\n' : ''}`,
  };
});

/** A revision by its number; undefined for 0, the time before the first one. @throws DeployError not-found. */
async function revisionOf(tx: MetaReader, name: string, number: number): Promise<Revision | undefined> {
  return number === 0 ? undefined : requireRevision(tx, name, number);
}
