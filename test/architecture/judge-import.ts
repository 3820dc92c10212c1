import { type Import, shortName } from './import-graph.js';
import { ADAPTERS, COMPOSERS, RULES } from './rules.js';

/** Says what is wrong with an import by the rules; undefined for an import that they allow. */
export function judgeImport({ from, to, specifier, typeOnly }: Import): string | undefined {
  if (to === undefined) return undefined;
  const rule = RULES.find(({ files }) => files.test(shortName(from)));
  const line = `${shortName(from)} imports ${specifier}`;
  if (rule === undefined) return `${line}: no rule for this file`;
  if (!fits(rule.mayImport, to)) {
    if (!fits(rule.mayImportTypes ?? [], to)) return line;
    if (!typeOnly) return `${line}: only with import type`;
  }
  const adapter = ADAPTERS.find((pattern) => pattern.test(shortName(to)));
  if (
    adapter !== undefined &&
    !adapter.test(shortName(from)) &&
    !isSameFolder(from, to) &&
    !fits(COMPOSERS, from)
  )
    return `${line}: only compose names adapters`;
  return undefined;
}

function fits(patterns: readonly RegExp[], file: string): boolean {
  return patterns.some((pattern) => pattern.test(shortName(file)));
}

function isSameFolder(from: string, to: string): boolean {
  return from.slice(0, from.lastIndexOf('/')) === to.slice(0, to.lastIndexOf('/'));
}
