import { printableLine } from './printable.js';

/**
 * Aligns rows as the Go deploy-tools do (Go's text/tabwriter, minimum width 0, padding 3): every cell, the last one
 * included, is padded to its column's width plus three spaces. A cell has no line break or other control character, so that
 * what somebody wrote into one cannot look like a row.
 * @returns lines, each ended by a newline; the empty string for no rows.
 */
export function columns(table: readonly (readonly string[])[]): string {
  const rows = table.map((row) => row.map(printableLine));
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, [...cell].length);
  }
  return rows
    .map((row) => `${row.map((cell, index) => pad(cell, (widths[index] ?? 0) + 3)).join('')}\n`)
    .join('');
}

function pad(cell: string, width: number): string {
  return cell + ' '.repeat(width - [...cell].length);
}
