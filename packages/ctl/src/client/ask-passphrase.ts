import { openSync, writeSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import { DeployError } from '@deploy-tools/shared/errors.js';

/**
 * Asks for a key's passphrase on the controlling terminal, without echo. Standard input may hold data and is not read.
 * @returns undefined when there is no terminal.
 * @throws DeployError cancelled on Ctrl-C.
 */
export async function askPassphrase(path: string, attempt: number): Promise<string | undefined> {
  const terminal = openTerminal();
  if (terminal === undefined) return undefined;
  const { input, write } = terminal;
  try {
    if (attempt > 1) write('wrong passphrase\n');
    write(`passphrase for key ${path}: `);
    return await readSecret(input);
  } finally {
    write('\n');
    input.setRawMode(false);
    input.destroy();
  }
}

interface Terminal {
  readonly input: ReadStream;
  readonly write: (text: string) => void;
}

function openTerminal(): Terminal | undefined {
  let fd: number;
  try {
    fd = openSync('/dev/tty', 'r+');
  } catch {
    return undefined; // ENXIO: a process without a controlling terminal
  }
  const input = new ReadStream(fd);
  input.setRawMode(true);
  return { input, write: (text) => writeSync(fd, text) };
}

/** Reads to the end of the line, with backspace and Ctrl-U, as a terminal in line mode would. */
function readSecret(input: ReadStream): Promise<string> {
  return new Promise((resolve, reject) => {
    let secret: string[] = [];
    input.setEncoding('utf8');
    input.on('error', reject);
    input.on('end', () => reject(new DeployError('cancelled', 'no passphrase was entered')));
    input.on('data', (text: string) => {
      for (const character of text) {
        if (character === '\r' || character === '\n') return resolve(secret.join(''));
        if (character === '\u0003' || character === '\u0004') {
          return reject(new DeployError('cancelled', 'no passphrase was entered'));
        }
        if (character === '\u0015') secret = [];
        else if (character === '\u007f' || character === '\b') secret.pop();
        else secret.push(character);
      }
    });
  });
}
