import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { OutcomeStore } from '@deploy-tools/agent/tell/report/outcome-store.js';
import type { StateReport } from '@deploy-tools/shared/report/report.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { testScope } from '../../../../../test/support/scope.js';
import { tempDir } from '../../../../../test/support/temp-dir.js';

const outcome = (deploy: string): StateReport => ({
  config: 'project1',
  state: 'failed',
  hash: 'a'.repeat(64),
  deploy,
  error: { kind: 'script', message: 'no\nluck' },
  log: ['one', 'two'],
});

const deploys = (store: OutcomeStore) => store.list().map(({ deploy }) => deploy);

describe('outcomes that the registry has not stored', () => {
  it('outlive the agent, in their order, until they are stored', () => {
    const path = join(tempDir(testScope()), 'outcomes.jsonl');
    const store = new OutcomeStore(path);
    for (const deploy of ['a', 'b', 'c']) store.add(outcome(deploy));
    expect(new OutcomeStore(path).list()).toEqual(['a', 'b', 'c'].map(outcome));
    store.remove('b');
    store.remove('nobody');
    store.add({ ...outcome('a'), state: 'rolled-back' });
    expect(deploys(new OutcomeStore(path))).toEqual(['c', 'a']);
    store.remove('a');
    store.remove('c');
    expect(existsSync(path)).toBe(false);
  });

  it('are bounded: the oldest give way', () => {
    const store = new OutcomeStore(join(tempDir(testScope()), 'outcomes.jsonl'));
    for (let number = 1; number <= 60; number += 1) store.add(outcome(`d${number}`));
    expect(store.list()).toHaveLength(50);
    expect(deploys(store)[0]).toBe('d11');
  });

  it('of a damaged file are those lines that are whole', () => {
    const path = join(tempDir(testScope()), 'outcomes.jsonl');
    new OutcomeStore(path).add(outcome('whole'));
    const line = readFileSync(path, 'utf8');
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string(), fc.json(), fc.constant(line.slice(0, 40)))), (texts) => {
        writeFileSync(path, `${texts.join('\n')}\n${line}`);
        expect(deploys(new OutcomeStore(path))).toEqual(['whole']);
      }),
      { numRuns: 30 },
    );
  });
});
