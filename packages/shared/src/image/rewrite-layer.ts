import type { ByteName } from '../archive/byte-name.js';
import type { EntryPolicy } from '../archive/entry-policy.js';
import { parentPath } from '../archive/path-guard.js';
import { TAR_END, type TarMember, tarHeader, tarPadding } from '../archive/tar-blocks.js';
import type { TarEntry } from '../archive/tar-entry.js';
import type { TarHandler } from '../archive/tar-reader.js';
import { DeployError } from '../errors.js';
import type { LabelledLayer } from './image.js';
import type { LayerPlan, Placement } from './layer-plan.js';
import { layerBytes } from './read-layer.js';

/**
 * Writes a layer again as its plan says, in its own order, as a tar stream. The same layer and plan always give the
 * same bytes.
 * @param policy that an agent will apply: it has admitted the layers below, and is given each entry that is written.
 * @throws DeployError corrupt, invalid, unsafe, too-large, cancelled.
 */
export async function* rewriteLayer(
  layer: LabelledLayer,
  { plan, policy }: { readonly plan: LayerPlan; readonly policy: EntryPolicy },
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const rewriter = new LayerRewriter(plan, policy);
  for await (const _bytes of layerBytes(layer, rewriter, signal)) {
    const written = rewriter.take();
    if (written.length > 0) yield written;
  }
  yield rewriter.take();
  yield TAR_END;
}

/** Makes the tar blocks of the kept entries, while the layer is parsed. */
class LayerRewriter implements TarHandler {
  readonly #plan: LayerPlan;
  readonly #policy: EntryPolicy;
  #index = -1;
  #writing = false;
  #size = 0;
  #blocks: Uint8Array[] = [];

  constructor(plan: LayerPlan, policy: EntryPolicy) {
    this.#plan = plan;
    this.#policy = policy;
  }

  entry(entry: TarEntry): void {
    this.#index += 1;
    const placement = this.#plan[this.#index];
    this.#writing = placement !== undefined;
    this.#size = entry.size;
    if (placement === undefined) return;
    const member = memberOf(entry, placement);
    this.#policy.admit({ ...entry, type: member.type, name: member.path, linkName: member.linkTarget });
    this.#blocks.push(tarHeader(member));
  }

  data(chunk: Uint8Array): void {
    if (this.#writing) this.#blocks.push(chunk);
  }

  entryEnd(): void {
    if (this.#writing) this.#blocks.push(tarPadding(this.#size));
  }

  extraHeader(): void {
    this.#policy.countHeader();
  }

  /** Returns a copy of the blocks since the last call: the parser's chunks are only valid for a moment. */
  take(): Uint8Array {
    const written = Buffer.concat(this.#blocks);
    this.#blocks = [];
    return written;
  }
}

function memberOf(entry: TarEntry, { path, linkPath }: Placement): TarMember {
  const { mode, uid, gid, size, mtimeSeconds, mtimeNanoseconds } = entry;
  const rest = { path, mode, uid, gid, size, mtimeSeconds, mtimeNanoseconds };
  switch (entry.type) {
    case 'file':
    case 'directory':
      return { ...rest, type: entry.type, linkTarget: '' };
    case 'symlink':
      return { ...rest, type: 'symlink', linkTarget: insideTarget(path, entry.linkName) };
    case 'hardlink':
      return { ...rest, type: 'hardlink', linkTarget: linkPath };
    default:
      throw new DeployError('internal', `a ${entry.type} was planned to be kept`);
  }
}

/**
 * Converts a symlink's target so that it means the same in the release as in the image, whose root is `/`. Absolute targets become
 * relative, and targets above the root stay at the root. Other targets are unchanged.
 */
function insideTarget(path: ByteName, target: ByteName): ByteName {
  const from = parentPath(path) === '' ? [] : parentPath(path).split('/');
  const at = target.startsWith('/') ? [] : [...from];
  let leaves = target.startsWith('/');
  for (const part of target.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') at.push(part);
    else if (at.pop() === undefined) leaves = true;
  }
  if (!leaves) return target;
  let common = 0;
  while (common < from.length && common < at.length && from[common] === at[common]) common += 1;
  const up = from.slice(common).map(() => '..');
  return [...up, ...at.slice(common)].join('/') || '.';
}
