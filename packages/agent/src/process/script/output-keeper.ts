import { type ChildProcess, spawn } from 'node:child_process';

/** Unread parts that are kept. */
const MAX_PARTS = 8;

/**
 * A shell script that reads a pipe to its end into files `$1.0`, `$1.1`, …. A program that printed to a file itself would lose
 * lines when it opened /dev/stderr, which empties the file, or when the agent emptied it.
 *
 * A part ends at 1 MiB or, when much comes at once, 8 MiB later. The reader removes the parts that it has read. At
 * {@link MAX_PARTS} parts the keeper waits a second for the reader, and the program for the keeper; then the oldest part is
 * dropped. Output that cannot be written is lost, which `$1.lost` tells; the program does not notice.
 *
 * dd(1) passes each read on at once; the numbers that it prints tell the end. The keeper ignores signals, which systemd sends to
 * all processes of a unit: the program may still print while it ends.
 */
const KEEPER = `trap '' HUP INT QUIT TERM
n=0
while :; do
  if summary=$(dd bs=16384 count=512 2>&1 >>"$1.$n"); then
    case $summary in '0+0 '*) exit 0 ;; esac
  else
    : >"$1.lost"
    case $(dd bs=16384 count=16 2>&1 >/dev/null) in '0+0 '*) exit 1 ;; esac
  fi
  [ "$(wc -c <"$1.$n")" -ge 1048576 ] || continue
  n=$((n + 1)) oldest=$1.$((n - ${MAX_PARTS}))
  [ ! -e "$oldest" ] || sleep 1
  rm -f "$oldest"
done`;

/**
 * Starts a keeper of a pipe's output. It outlives this process, and ends with the last writer.
 * @param reading the caller closes it. @param base the path of the files without their numbers.
 */
export function startKeeper(reading: number, base: string): ChildProcess {
  const child = spawn('/bin/sh', ['-c', KEEPER, 'deploy-agent-output', base], {
    cwd: '/',
    env: { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C' },
    detached: true,
    stdio: [reading, 'ignore', 'ignore'],
  });
  child.unref();
  return child;
}
