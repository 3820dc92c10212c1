import type { LayerChange, LayerChanges } from '../core/layer-changes.js';
import { versionJson } from './json-shapes.js';

/** Digits of a hash that tell two versions of one name apart. */
const SHORT_HASH = 12;

/** One change a word: `config v02→v03`, `+extra v1`, `-old v3`. */
export function changesText({ changes, reordered }: LayerChanges): string {
  const words = changes.map((change) => {
    const [sign, component, version] = changeCells(change);
    return `${sign === '~' ? '' : sign}${component} ${version}`;
  });
  return [...words, ...(reordered ? ['other order'] : [])].join(', ');
}

/** Sign, component, versions. */
export function changeCells({ component, from, to }: LayerChange): [string, string, string] {
  if (from === undefined) return ['+', component, to?.version ?? ''];
  if (to === undefined) return ['-', component, from.version];
  if (from.version !== to.version) return ['~', component, `${from.version}→${to.version}`];
  const [before, after] = [from.hash.slice(0, SHORT_HASH), to.hash.slice(0, SHORT_HASH)];
  return ['~', component, `${from.version} (${before})→${to.version} (${after})`];
}

/** A change in `-json` output; documented in docs/protocol.md. */
export function changeJson({ component, from, to }: LayerChange): object {
  return {
    component,
    from: from === undefined ? null : versionJson(from),
    to: to === undefined ? null : versionJson(to),
  };
}
