import { type ChildProcess, spawn } from 'node:child_process';

/** How many parts of what nobody has read yet are kept. */
const MAX_PARTS = 8;

/**
 * Reads a pipe to its end and keeps what comes in files `$1.0`, `$1.1`, …: a program in the middle, for a program that
 * prints to a file itself would lose lines as soon as it opened /dev/stderr (which empties the file), or the agent emptied
 * the file. A part ends at 1 MiB or, when much comes at once, 8 MiB later. The reader removes the parts that it
 * has read. It is given a second when there are {@link MAX_PARTS}, and the program that prints has to wait; then the
 * oldest is dropped. What cannot be written is lost, and `$1.lost` says so: the program that prints never notices.
 *
 * dd(1) passes each read on at once; the numbers that it prints tell the end. Signals are for the program, which may still
 * print while it ends: systemd sends SIGTERM to all of a unit at once.
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
 * Starts a process that keeps what comes out of a pipe, until the last who writes to it has ended; it outlives this one.
 * @param reading stays the caller's to close. @param base path of the files, without their numbers.
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
