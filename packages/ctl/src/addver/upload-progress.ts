import { formatByteSize } from '@deploy-tools/shared/byte-size.js';
import { formatDuration } from '@deploy-tools/shared/duration.js';
import type { ProgramIo } from '../program-io.js';

export interface Progress {
  /** @param sent bytes in total. */
  readonly update: (sent: number) => void;
  /** Shows the final line, when the upload is complete. */
  readonly done: () => void;
  /** Ends the line after a failure, so that an error can follow. */
  readonly stop: () => void;
}

const REDRAW_MS = 100;
const PLAIN_LINE_MS = 10_000;
const BAR_CELLS = 20;

/**
 * Shows the progress of an upload: a bar on a terminal, else a line every ten seconds and one at the end.
 * @param out undefined to show nothing.
 * @param now milliseconds.
 */
export function startProgress(
  out: ProgramIo['stderr'] | undefined,
  { label, size }: { readonly label: string; readonly size: number | undefined },
  now: () => number,
): Progress {
  const started = now();
  const isTerminal = out?.isTTY === true;
  let sent = 0;
  let shown = isTerminal ? 0 : started;
  const show = (final: boolean) => {
    shown = now();
    const elapsed = shown - started;
    const text = final
      ? summary(label, sent, elapsed)
      : state({ label, sent, size, elapsedMs: elapsed }, isTerminal);
    if (isTerminal) out.write(`\r${text.slice(0, (out.columns || 80) - 1)}\x1b[K${final ? '\n' : ''}`);
    else out?.write(`${text}\n`);
  };
  return {
    update: (bytes) => {
      sent = bytes;
      if (out !== undefined && now() - shown >= (isTerminal ? REDRAW_MS : PLAIN_LINE_MS)) show(false);
    },
    done: () => out !== undefined && show(true),
    stop: () => isTerminal && out.write('\n'),
  };
}

interface UploadState {
  readonly label: string;
  /** Bytes sent so far. */
  readonly sent: number;
  /** Bytes in all, where that is known. */
  readonly size: number | undefined;
  readonly elapsedMs: number;
}

function state({ label, sent, size, elapsedMs }: UploadState, bar: boolean): string {
  const rate = elapsedMs > 0 ? (sent * 1000) / elapsedMs : 0;
  const speed = `${formatByteSize(rate)}/s`;
  if (size === undefined || size === 0) return `${label}: ${formatByteSize(sent)}, ${speed}`;
  const part = Math.min(1, sent / size);
  const percent = `${Math.floor(part * 100)}%`.padStart(4);
  const left = rate > 0 ? `, ${formatDuration(Math.ceil((size - sent) / rate) * 1000)} left` : '';
  const cells = Math.floor(part * BAR_CELLS);
  const drawn = bar ? ` [${'#'.repeat(cells)}${' '.repeat(BAR_CELLS - cells)}]` : ':';
  return `${label}${drawn}${percent} of ${formatByteSize(size)}, ${speed}${left}`;
}

function summary(label: string, sent: number, elapsedMs: number): string {
  const rate = elapsedMs > 0 ? `, ${formatByteSize((sent * 1000) / elapsedMs)}/s` : '';
  return `${label}: ${formatByteSize(sent)} uploaded in ${formatDuration(Math.round(elapsedMs / 100) * 100)}${rate}`;
}
