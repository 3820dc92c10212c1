import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSync } from 'rolldown/utils';

/** A function, method or constructor of a source file. */
export interface SourceFunction {
  readonly file: string;
  /** As written; of a constructor or a method with its class in front, `anonymous` for a callback. */
  readonly name: string;
  /** Of its first line, from 1. */
  readonly line: number;
  readonly lines: number;
  /** Positional ones; one that is taken apart (`{ a, b }`) and a rest (`...more`) count as one. */
  readonly parameters: number;
}

/** What is used of a node of the ESTree that oxc's parser makes. */
interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
}

const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);
const CLASSES = new Set(['ClassDeclaration', 'ClassExpression']);
/** Nodes that give the function inside them its name, by the property that holds the name. */
const NAMED: Readonly<Record<string, string>> = {
  MethodDefinition: 'key',
  PropertyDefinition: 'key',
  Property: 'key',
  VariableDeclarator: 'id',
};

/**
 * Lists every function with a body in a TypeScript file, in the order in which they begin.
 * @throws Error when the file cannot be parsed.
 */
export function functionsOf(root: string, file: string): SourceFunction[] {
  return parseFunctions(file, readFileSync(join(root, file), 'utf8'));
}

export function parseFunctions(file: string, text: string): SourceFunction[] {
  const { program, errors } = parseSync(file, text);
  const [error] = errors;
  if (error !== undefined) throw new Error(`${file} cannot be parsed: ${error.message}`);
  const lineStarts = [0, ...[...text.matchAll(/\n/g)].map(({ index }) => index + 1)];
  const lineAt = (offset: number) => lineStarts.findLastIndex((start) => start <= offset) + 1;
  const found: SourceFunction[] = [];
  const visit = (node: SyntaxNode, name: string | undefined, className: string): void => {
    if (FUNCTIONS.has(node.type)) {
      const own = nameIn(node, 'id') ?? name ?? 'anonymous';
      const line = lineAt(node.start);
      const lines = lineAt(node.end) - line + 1;
      found.push({ file, name: own, line, lines, parameters: fieldOf<unknown[]>(node, 'params').length });
    }
    const isClass = CLASSES.has(node.type);
    const inner = isClass ? `${nameIn(node, 'id') ?? 'anonymous'}.` : className;
    const key = NAMED[node.type];
    const given = key === undefined ? undefined : nameIn(node, key);
    const prefix = node.type === 'VariableDeclarator' || node.type === 'Property' ? '' : className;
    for (const child of childrenOf(node)) visit(child, given && `${prefix}${given}`, inner);
  };
  visit(program, undefined, '');
  return found;
}

function childrenOf(node: SyntaxNode): SyntaxNode[] {
  return Object.values(node).flat().filter(isNode);
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && 'type' in value && 'start' in value;
}

function fieldOf<T>(node: SyntaxNode, field: string): T {
  return (node as unknown as Record<string, T>)[field] as T;
}

function nameIn(node: SyntaxNode, field: string): string | undefined {
  const named = fieldOf<{ readonly name?: unknown } | null | undefined>(node, field);
  return typeof named?.name === 'string' ? named.name : undefined;
}
