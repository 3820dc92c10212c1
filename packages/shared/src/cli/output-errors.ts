/** What a shell shows of a program that SIGPIPE ended: 128 and the signal's number. */
const BROKEN_PIPE_STATUS = 141;

/**
 * Decides what becomes of this process when its output cannot be written; without this Node.js ends it with a stack trace.
 * A reader of standard output that is gone (`… | head`) ends it without a word, as SIGPIPE would; a full disk with status
 * 1 and a line about it, since a file that lacks its end must not look complete. What cannot be said on standard error
 * ends nothing.
 */
export function endOnLostOutput(name: string): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(BROKEN_PIPE_STATUS);
    process.stderr.write(`${name}: the output cannot be written: ${error.message}\n`);
    process.exit(1);
  });
  ignoreErrors(process.stderr);
}

/** For work that has to be finished whether or not anybody still reads what it prints. */
export function goOnWithoutOutput(): void {
  for (const stream of [process.stdout, process.stderr]) ignoreErrors(stream);
}

function ignoreErrors(stream: NodeJS.WriteStream): void {
  stream.on('error', () => {});
}
