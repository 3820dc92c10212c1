import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Archive, makeArchive, upload } from '../support/archive.js';
import { PROJECT_ROOT } from '../support/program.js';
import { fileScope } from '../support/scope.js';
import { startWorld, type World } from '../support/world.js';

interface Exchange {
  /** As it reaches the registry: the words after the destination. */
  readonly line: string;
  readonly output: string;
  readonly status: number;
}

/** Reads `$ ssh … LINE`, the combined output, `(exit N)`; the file writes tabs as `\t`. */
function parseTranscript(text: string): Exchange[] {
  const pattern = /^\$ ssh -p 2022 ops@registry (.*)\n([\s\S]*?)\(exit (\d+)\)$/gm;
  return [...text.matchAll(pattern)].map(([, line = '', output = '', status]) => ({
    line,
    output: output.replaceAll('\\t', '\t'),
    status: Number(status),
  }));
}

const RECORDING = readFileSync(join(PROJECT_ROOT, 'test/fixtures/original-transcripts.txt'), 'utf8');
const TRANSCRIPT = parseTranscript(RECORDING);

/** Lines of rows, whatever the times are; the original pads the last column too. */
function shape(output: string): string {
  return output
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, '<time>')
    .replaceAll(/\b[0-9a-f]{64}\b/g, '<hash>');
}

/** Where wording may differ, the sense may not: a word that both answers have. */
const KEY_WORDS: Readonly<Record<string, string>> = {
  "delver -name code -version 'v 02'": 'is used by configuration "project1"',
  'addconf -name project1 -layer code:v01 -layer code:v01': 'duplicate component "code"',
  'addconf -name project1 -layer code': 'invalid',
};

/** What fails there and is success here, with what is said then (docs/coming-from-deploy-tools.md). */
const SUCCESS_HERE: Readonly<Record<string, string>> = {
  'addver -name code -version v01 -hash <H:code1>':
    'version "v01" of component "code" is there already, with the same content\n',
};

describe('the transcript of the original, replayed in order', () => {
  const scope = fileScope();
  let world: World;
  const archives: Record<string, Archive> = {};

  beforeAll(async () => {
    world = await startWorld(scope);
    for (const name of ['code1', 'code2', 'conf1']) {
      const archive = await makeArchive(scope, world.root, name, { 'f.txt': name });
      archives[name] = archive;
      await upload(world.operator, archive);
    }
  });

  it('has every exchange of the recording', () => {
    expect(TRANSCRIPT.length).toBe(RECORDING.match(/^\$ /gm)?.length);
    expect(TRANSCRIPT.length).toBeGreaterThan(40);
  });

  for (const [index, { line, output, status }] of TRANSCRIPT.entries()) {
    it(`${index + 1}: ${line}`, async () => {
      const sent = line.replaceAll(/<H:(\w+)>/g, (_, name: string) => archives[name]?.hash ?? '');
      const answer = await world.operator.exec(sent);
      const success = SUCCESS_HERE[line];
      if (status !== 0 && success !== undefined) {
        expect(answer).toEqual({ status: 0, stdout: success, stderr: '' });
        return;
      }
      expect(answer.status, answer.stderr).toBe(status);
      const text = answer.stdout + answer.stderr;
      if (line === 'help' || line.endsWith('-h') || line.includes('-nosuchflag')) {
        for (const wanted of output.split('\n')) expect(text).toContain(wanted);
      } else if (status === 0 && line.startsWith('showconf') && line.endsWith('-v')) {
        expect(shape(answer.stdout).replace(/^Revision:\t1\n/m, '')).toBe(shape(output));
      } else if (status === 0) {
        expect(shape(text)).toBe(shape(output));
      } else {
        const sense = KEY_WORDS[line] ?? output.split('\n')[0] ?? '';
        expect(text.toLowerCase()).toContain(sense.toLowerCase());
      }
    });
  }

  it('ends as the original does: the last configuration and component are gone', async () => {
    expect((await world.operator.exec('configurations')).stdout).toBe('');
    expect((await world.operator.exec('components')).stdout).toBe('config\n');
  });
});
