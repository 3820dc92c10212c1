import type { ReadMarks } from '@deploy-tools/registry/layers/read-marks.js';
import { describe, expect, it, onTestFinished } from 'vitest';
import { hashOf } from './meta-samples.js';

/** Marks in one place, and the clock that they look at. */
export interface OpenedMarks {
  readonly marks: ReadMarks;
  /** Other marks in the same place, as of a process that is started when one was killed. */
  reopen(): Promise<ReadMarks>;
  pass(ms: number): void;
  cleanUp(): Promise<void>;
}

const HOUR = 3_600_000;

export function readMarksContract(name: string, open: () => Promise<OpenedMarks>): void {
  describe(`ReadMarks: ${name}`, () => {
    it('counts what was begun and did not end, over processes, for each archive', async () => {
      const opened = await open();
      onTestFinished(() => opened.cleanUp());
      expect(await opened.marks.begin(hashOf('a'))).toBe(0);
      const next = await opened.reopen();
      expect([await next.begin(hashOf('a')), await next.begin(hashOf('b'))]).toEqual([1, 0]);
      expect(await (await opened.reopen()).begin(hashOf('a'))).toBe(2);
    });

    it('counts nothing that ended, and what never began may end', async () => {
      const opened = await open();
      onTestFinished(() => opened.cleanUp());
      await opened.marks.begin(hashOf('a'));
      await opened.marks.end(hashOf('a'));
      await opened.marks.end(hashOf('b'));
      const next = await opened.reopen();
      expect([await next.begin(hashOf('a')), await next.begin(hashOf('b'))]).toEqual([0, 0]);
    });

    it('forgets within a day and an hour', async () => {
      const opened = await open();
      onTestFinished(() => opened.cleanUp());
      await opened.marks.begin(hashOf('a'));
      opened.pass(23 * HOUR);
      expect(await opened.marks.begin(hashOf('a'))).toBe(1);
      opened.pass(49 * HOUR);
      expect(await (await opened.reopen()).begin(hashOf('a'))).toBe(0);
    });
  });
}
