import { shortName } from './import-graph.js';
import { judgeImport } from './judge-import.js';
import type { Part } from './parts.js';
import { RULES } from './rules.js';

const WIDTH = 96;
const MAX_BOXES = 3;

/** A part with what the rules let it import. */
interface DrawnPart extends Part {
  readonly uses: readonly string[];
  /** 0 for a part that imports none of the others. */
  readonly floor: number;
}

/**
 * Draws parts as boxes, floor above floor: a part stands above all that the rules let it import,
 * and on the top floor when nothing imports it.
 * @param files all sources of the project; those of a part decide what the rules say of it.
 */
export function drawParts(parts: readonly Part[], files: readonly string[]): string {
  const drawn = placeOnFloors(parts, files);
  const floors = [...new Set(drawn.map(({ floor }) => floor))].sort((a, b) => b - a);
  const rows = floors.flatMap((floor) => rowsOf(drawn.filter((part) => part.floor === floor)));
  return rows.map((row) => drawRow(row, drawn)).join('\n');
}

function placeOnFloors(parts: readonly Part[], files: readonly string[]): DrawnPart[] {
  const filesOf = (name: string) => {
    const part = parts.find((one) => one.name === name);
    return files.filter((file) => part?.files.test(shortName(file)) === true);
  };
  const mayImport = (from: string, to: string) => {
    const targets = filesOf(to);
    return onePerRule(filesOf(from)).some((file) => targets.some((target) => isAllowed(file, target)));
  };
  const uses = new Map(
    parts.map(({ name }) => [
      name,
      parts.map((other) => other.name).filter((other) => other !== name && mayImport(name, other)),
    ]),
  );
  const floorOf = (name: string, above: readonly string[] = []): number => {
    if (above.includes(name)) throw new Error(`the rules allow a circle: ${[...above, name].join(' → ')}`);
    return Math.max(-1, ...(uses.get(name) ?? []).map((used) => floorOf(used, [...above, name]))) + 1;
  };
  const used = new Set([...uses.values()].flat());
  const roof = Math.max(...parts.map(({ name }) => floorOf(name)));
  return parts.map((part) => ({
    ...part,
    uses: uses.get(part.name) ?? [],
    floor: used.has(part.name) ? floorOf(part.name) : roof,
  }));
}

/** One file of each folder and rule: what the others may import is the same. */
function onePerRule(files: readonly string[]): string[] {
  const folder = (file: string) => file.slice(0, file.lastIndexOf('/'));
  const rule = (file: string) => RULES.findIndex((one) => one.files.test(shortName(file)));
  return [...new Map(files.map((file) => [`${folder(file)} ${rule(file)}`, file])).values()];
}

function isAllowed(from: string, to: string): boolean {
  return judgeImport({ from, to, specifier: to, typeOnly: true }) === undefined;
}

/** As few rows as hold the boxes, each with about as many. */
function rowsOf(parts: readonly DrawnPart[]): DrawnPart[][] {
  const count = Math.ceil(parts.length / MAX_BOXES);
  const size = Math.ceil(parts.length / count);
  return Array.from({ length: count }, (_, index) => parts.slice(index * size, (index + 1) * size));
}

function drawRow(row: readonly DrawnPart[], all: readonly DrawnPart[]): string {
  const width = Math.floor((WIDTH - (row.length - 1)) / row.length);
  const texts = row.map((part) => [
    part.name,
    ...wrap(part.does, width - 4),
    ...wrap(usesOf(part, all), width - 4),
  ]);
  const height = Math.max(...texts.map(({ length }) => length));
  const lines = Array.from({ length: height }, (_, index) =>
    texts.map((text) => `│ ${(text[index] ?? '').padEnd(width - 4)} │`).join(' '),
  );
  const edge = (left: string, right: string) =>
    row.map(() => `${left}${'─'.repeat(width - 2)}${right}`).join(' ');
  return [edge('┌', '┐'), ...lines, edge('└', '┘')].join('\n');
}

function usesOf(part: DrawnPart, all: readonly DrawnPart[]): string {
  const below = all.filter(({ floor }) => floor < part.floor);
  if (below.length > 2 && part.uses.length === below.length) return '→ everything below';
  return part.uses.length === 0 ? '' : `→ ${part.uses.join(', ')}`;
}

function wrap(text: string, width: number): string[] {
  const lines = [''];
  for (const word of text.split(' ').filter((found) => found !== '')) {
    const last = lines.at(-1) ?? '';
    if (last === '') lines[lines.length - 1] = word;
    else if (last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.filter((line) => line !== '');
}
