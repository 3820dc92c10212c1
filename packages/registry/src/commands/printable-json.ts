import { printableJsonText } from '@deploy-tools/shared/printable.js';

/** A value as indented JSON that is safe for a terminal. */
export function printableJson(value: unknown): string {
  return `${printableJsonText(JSON.stringify(value, null, 2))}\n`;
}

/** A value as one line of JSON that is safe for a terminal. */
export function printableJsonLine(value: unknown): string {
  return `${printableJsonText(JSON.stringify(value))}\n`;
}
