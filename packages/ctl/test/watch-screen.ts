import { PATIENCE_MS } from '../../../test/support/patience.js';

/** @returns waits until what was printed since the last match matches; the error of a timeout shows it. */
export function watchScreen(terminal: { onData(listener: (text: string) => void): unknown }) {
  let text = '';
  let wake = () => {};
  terminal.onData((more) => {
    text += more;
    wake();
  });
  return async (pattern: RegExp): Promise<void> => {
    const limit = AbortSignal.timeout(PATIENCE_MS);
    while (!pattern.test(text)) {
      if (limit.aborted) throw new Error(`${pattern} did not come; the screen shows ${JSON.stringify(text)}`);
      await new Promise<void>((resolve) => {
        wake = resolve;
        limit.addEventListener('abort', () => resolve());
      });
    }
    text = '';
  };
}
