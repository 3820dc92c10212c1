import { printableLine } from './printable.js';

/**
 * Aligns rows like the Go deploy-tools (Go's text/tabwriter, minimum width 0, padding 3): every cell, even the last one, is padded
 * to its column's width plus three spaces. Control characters in cells are escaped, so that a cell cannot look like another row.
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
