import type { Readable } from 'node:stream';

/** The text that a stream has: since Node.js 26 one read gives what one write brought. */
export function readAll(stream: Readable): string {
  let text = '';
  for (let chunk: unknown = stream.read(); chunk !== null; chunk = stream.read()) text += String(chunk);
  return text;
}
