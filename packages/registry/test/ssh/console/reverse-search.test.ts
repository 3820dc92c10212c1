import { createInterface, type Interface } from 'node:readline';
import { PassThrough, Writable } from 'node:stream';
import { ReverseSearch } from '@deploy-tools/registry/ssh/console/reverse-search.js';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';

const CTRL_R = '\x12';
/** Newest first. */
const HISTORY = ['showconf project2', 'changeconf project1 code:v2', 'showconf project1', 'components'];

interface Typed {
  readonly readline: Interface;
  readonly search: ReverseSearch;
  /** Types keys as the console does: what searching does not take goes to readline. */
  type(keys: string): string;
  readonly submitted: string[];
}

function prompt(): Typed {
  const input = new PassThrough();
  const output = new Writable({ write: (_chunk, _encoding, done) => done() });
  const readline = createInterface({ input, output, terminal: true, history: [...HISTORY] });
  onTestFinished(() => readline.close());
  const submitted: string[] = [];
  readline.on('line', (line) => submitted.push(line));
  const search = new ReverseSearch(readline, '> ', HISTORY);
  const type = (keys: string) => {
    for (const key of keys) if (!search.key(key)) readline.write(key);
    return readline.line;
  };
  return { readline, search, type, submitted };
}

describe('Ctrl-R', () => {
  test('finds the newest line with what is typed, and older ones when it is pressed again', () => {
    const { type } = prompt();
    expect(type(`${CTRL_R}show`)).toBe('showconf project2');
    expect(type(CTRL_R)).toBe('showconf project1');
    expect(type(CTRL_R)).toBe('showconf project1'); // there is no older one
  });

  test('narrows with each key, and returns to the newest with Backspace', () => {
    const { type } = prompt();
    expect(type(`${CTRL_R}project`)).toBe('showconf project2');
    expect(type('1')).toBe('changeconf project1 code:v2');
    expect(type('\x7f')).toBe('showconf project2');
  });

  test('pressed before anything is typed does not skip the newest line', () => {
    const { type } = prompt();
    expect(type(`${CTRL_R}${CTRL_R}${CTRL_R}show`)).toBe('showconf project2');
  });

  test('Enter runs what was found; any other key goes on with editing it', () => {
    const { type, submitted, search } = prompt();
    type(`${CTRL_R}change\r`);
    expect(submitted).toEqual(['changeconf project1 code:v2']);
    type(`${CTRL_R}comp`);
    expect(search.key('\x05')).toBe(false);
    expect(type(' x')).toBe('components x');
  });

  test.each(['\x03', '\x07'])('%j gives it up', (key) => {
    const { type, readline } = prompt();
    type(`${CTRL_R}show`);
    expect(type(key)).toBe('');
    expect(readline.getPrompt()).toBe('> ');
  });

  test('what is found nowhere gives an empty line', () => {
    const { type } = prompt();
    expect(type(`${CTRL_R}zzz`)).toBe('');
  });

  test('after any keys shows nothing, or a line of the history with what was typed', () => {
    const key = fc.constantFrom(CTRL_R, '\x7f', 's', 'h', 'o', 'w', 'c', 'p', '1', ' ');
    fc.assert(
      fc.property(fc.array(key), (keys) => {
        const { type } = prompt();
        const line = type(CTRL_R + keys.join(''));
        expect(['', ...HISTORY]).toContain(line);
      }),
      { numRuns: 50 },
    );
  });
});
