// Prints what the sources look like from outside, package by package: `npm run report`. With `-write` it renews the drawings
// and tables of docs/architecture.md; with `-list` it names what each figure counts, and with `-words` every word that
// the vocabulary does without, also in files that are still to do.
import { readFileSync, writeFileSync } from 'node:fs';
import { PACKAGES, sourceFiles } from './import-graph.js';
import { type Measures, measurePackages } from './measures.js';
import { judgeWords } from './vocabulary.js';
import { withBlocks, writtenBlocks } from './written-blocks.js';

const PAGE = 'docs/architecture.md';
const measures = measurePackages('.');
const option = process.argv[2];
if (option === '-write') {
  writeFileSync(PAGE, withBlocks(readFileSync(PAGE, 'utf8'), writtenBlocks('.', measures)));
} else if (option === '-list') {
  for (const line of listOf(measures)) console.log(line);
} else if (option === '-words') {
  for (const file of PACKAGES.flatMap((name) => sourceFiles('.', `packages/${name}/src`)))
    for (const problem of judgeWords(readFileSync(file, 'utf8'))) console.log(`${file}:${problem}`);
} else if (option === undefined) {
  console.table(Object.fromEntries(measures.map((found) => [found.name, rowOf(found)])));
} else {
  console.error(`usage: npm run report [-- -write | -- -list]`);
  process.exitCode = 2;
}

function rowOf({ files, functions, ...found }: Measures): Record<string, number | string> {
  const many = found.withManyParameters.length;
  return {
    lines: found.lines,
    files: files.count,
    'file median/p90/max': `${files.median}/${files.ninth}/${files.longest}`,
    functions: functions.count,
    'function median/p90/max': `${functions.median}/${functions.ninth}/${functions.longest}`,
    '4+ parameters': `${many} (${((many / functions.count) * 100).toFixed(1)} %)`,
    'small, one importer': found.smallWithOneImporter.length,
    'folder circles': found.folderCircles.length,
  };
}

function listOf(all: readonly Measures[]): string[] {
  const [whole] = all.filter(({ name }) => name === 'all');
  if (whole === undefined) return [];
  return [
    ...whole.withManyParameters.map(
      ({ file, line, name, parameters }) => `${parameters} parameters: ${file}:${line} ${name}`,
    ),
    ...whole.smallWithOneImporter.map(({ file, lines }) => `one importer, ${lines} lines: ${file}`),
    ...whole.longFunctions.map(({ file, line, name, lines }) => `${lines} lines: ${file}:${line} ${name}`),
    ...all.flatMap(({ folderCircles }) => folderCircles.map((circle) => `circle: ${circle.join(' ')}`)),
  ];
}
