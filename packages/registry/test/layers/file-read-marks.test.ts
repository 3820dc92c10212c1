import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileReadMarks } from '@deploy-tools/registry/layers/file-read-marks.js';
import { readMarksContract } from '../contract/read-marks-contract.js';

readMarksContract('files', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'marks-'));
  let passed = 0;
  const clock = () => new Date(Date.now() + passed);
  return {
    marks: await FileReadMarks.open(dir, clock),
    reopen: () => FileReadMarks.open(dir, clock),
    pass: (ms) => {
      passed += ms;
    },
    cleanUp: async () => rmSync(dir, { recursive: true, force: true }),
  };
});
