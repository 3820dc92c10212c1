import type { ComponentVersion } from '@deploy-tools/shared/model.js';

/** The change of one component. The same version may have other content, after it was deleted and added again. */
export interface LayerChange {
  readonly component: string;
  /** Undefined where the component is new. */
  readonly from: ComponentVersion | undefined;
  /** Undefined where the component was removed. */
  readonly to: ComponentVersion | undefined;
}

export interface LayerChanges {
  /** In the order of the new layers, removed components last. */
  readonly changes: readonly LayerChange[];
  /** Whether components that are in both have another order: a later layer overwrites an earlier one. */
  readonly reordered: boolean;
}

/** Whether a component was added or removed. */
export function hasOtherComponents({ changes }: LayerChanges): boolean {
  return changes.some(({ from, to }) => from === undefined || to === undefined);
}

export function layerChanges(
  before: readonly ComponentVersion[],
  after: readonly ComponentVersion[],
): LayerChanges {
  const old = new Map(before.map((layer) => [layer.component, layer]));
  const now = new Map(after.map((layer) => [layer.component, layer]));
  const changes = [
    ...after.map((to) => ({ component: to.component, from: old.get(to.component), to })),
    ...before
      .filter(({ component }) => !now.has(component))
      .map((from) => ({ component: from.component, from, to: undefined })),
  ];
  const common = (layers: readonly ComponentVersion[]) =>
    layers.map(({ component }) => component).filter((component) => old.has(component) && now.has(component));
  return {
    changes: changes.filter(({ from, to }) => from?.version !== to?.version || from?.hash !== to?.hash),
    reordered: common(before).join('\n') !== common(after).join('\n'),
  };
}
