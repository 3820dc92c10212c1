/** The exit status of a program that SIGPIPE ended: 128 and the signal's number. */
const BROKEN_PIPE_STATUS = 141;

/**
 * Ends this process when standard output cannot be written; Node.js would end it with a stack trace. When the reader is gone
 * (`… | head`), the process ends silently, as by SIGPIPE. After any other error, such as a full disk, it prints a line and ends with
 * status 1, since an incomplete output must not look complete. Errors of standard error are ignored.
 */
export function endOnLostOutput(name: string): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(BROKEN_PIPE_STATUS);
    process.stderr.write(`${name}: the output cannot be written: ${error.message}\n`);
    process.exit(1);
  });
  ignoreErrors(process.stderr);
}

/** Ignores errors of both outputs, for work that has to be finished even without a reader. */
export function goOnWithoutOutput(): void {
  for (const stream of [process.stdout, process.stderr]) ignoreErrors(stream);
}

function ignoreErrors(stream: NodeJS.WriteStream): void {
  stream.on('error', () => {});
}
