import { drawParts } from './draw-parts.js';
import { PACKAGES, shortName, sourceFiles } from './import-graph.js';
import type { Measures } from './measures.js';
import { AREAS, DRAWINGS } from './parts.js';

/** The parts of docs/architecture.md that are made from the sources, by name, as Markdown. */
export function writtenBlocks(root: string, measures: readonly Measures[]): Readonly<Record<string, string>> {
  const files = PACKAGES.flatMap((name) => sourceFiles(root, `packages/${name}/src`));
  const drawings = Object.entries(DRAWINGS).map(([name, parts]) => [
    `drawing-${name}`,
    `\`\`\`text\n${drawParts(parts, files)}\n\`\`\``,
  ]);
  return { ...Object.fromEntries(drawings), measures: measuresTable(measures), areas: areasTable(measures) };
}

function measuresTable(measures: readonly Measures[]): string {
  const rows = measures.map((found) => [
    found.name,
    about(found.lines),
    atMost(Math.ceil(found.longestFile.lines / 10) * 10),
    atMost(Math.ceil(found.longestFunction.lines / 5) * 5),
    `${atMost(found.withManyParameters.length)} of ${about(found.functions.count)}`,
    atMost(found.smallWithOneImporter.length),
    atMost(found.folderCircles.length),
  ]);
  const head = [
    'package',
    'lines',
    'longest file',
    'longest function',
    'functions with 4 or more parameters',
  ];
  return table([...head, 'small files with one importer', 'circles of folders'], rows);
}

function areasTable(measures: readonly Measures[]): string {
  const files = measures.find(({ name }) => name === 'all')?.allFiles ?? [];
  const sums = new Map<string, number>();
  for (const { file, lines } of files) {
    const area = AREAS.find((one) => one.files.test(shortName(file)))?.name ?? 'core';
    sums.set(area, (sums.get(area) ?? 0) + lines);
  }
  const row = (name: string, kind: string, note: string) => [name, kind, about(sums.get(name) ?? 0), note];
  return table(
    ['area', 'what it is', 'lines', 'what it gives, or what else goes with it'],
    [
      row('core', '**core**', 'everything that is not named below'),
      ...AREAS.map(({ name, kind, note }) =>
        row(name, kind === 'feature' ? 'feature' : 'for another tool', note),
      ),
    ],
  );
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function about(lines: number): string {
  return `about ${(Math.round(lines / 100) * 100).toLocaleString('en')}`;
}

function atMost(figure: number): string {
  return `≤ ${figure}`;
}

const BLOCK = /(<!-- made by `npm run report -- -write`: ([\w-]+) -->\n)([\s\S]*?)(\n?<!-- end -->)/g;

/** The blocks that a text holds, by name. */
export function blocksIn(markdown: string): Map<string, string> {
  return new Map([...markdown.matchAll(BLOCK)].map(([, , name = '', block = '']) => [name, block]));
}

/** The text with its blocks renewed. */
export function withBlocks(markdown: string, blocks: Readonly<Record<string, string>>): string {
  return markdown.replace(BLOCK, (whole, begin: string, name: string) =>
    blocks[name] === undefined ? whole : `${begin}${blocks[name]}\n<!-- end -->`,
  );
}

const FIGURE = /(≤|about) ([\d.,]+)/g;
/** What `about` leaves open: lines, and a share. */
const ABOUT_LINES = 400;
const ABOUT_SHARE = 0.1;

/**
 * Says whether a written block still holds, beside the one that would be written now: `≤ 80` holds for anything that is
 * smaller, `about 1,300` for what is close, so that not every commit has to renew it.
 */
export function isStillTrue(written: string, now: string): boolean {
  const figures = [...now.matchAll(FIGURE)].map(([, , figure = '']) => numberOf(figure));
  const withoutFigures = (text: string) => text.replace(FIGURE, '$1');
  const holds = [...written.matchAll(FIGURE)].every(([, kind, figure = ''], index) => {
    const [said, found] = [numberOf(figure), figures[index] ?? Number.NaN];
    if (kind === '≤') return found <= said;
    return Math.abs(found - said) <= Math.max(ABOUT_LINES, said * ABOUT_SHARE);
  });
  return holds && withoutFigures(written) === withoutFigures(now);
}

function numberOf(figure: string): number {
  return Number(figure.replaceAll(',', ''));
}
