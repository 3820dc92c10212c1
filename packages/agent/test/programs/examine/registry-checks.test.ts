import { clockAgainst, clockBeside } from '@deploy-tools/agent/programs/examine/registry-checks.js';
import { describe, expect, it } from 'vitest';

const TOLD = '2026-03-01T12:00:00.000Z';
const after = (ms: number) => new Date(Date.parse(TOLD) + ms);

describe('the clock', () => {
  it('is right within some seconds of the time that the registry tells, and wrong to either side', () => {
    expect(clockBeside(TOLD, after(4000))).toMatch(/as the registry's/);
    expect(clockBeside(TOLD, after(-4000))).toMatch(/as the registry's/);
    expect(() => clockBeside(TOLD, after(3_600_000))).toThrow(/ahead of the registry's by 1h/);
    expect(() => clockBeside(TOLD, after(-90_000))).toThrow(/behind the registry's by 1m30s/);
  });

  it('cannot be before the last change, where the registry tells no time', () => {
    expect(clockAgainst(TOLD, after(3_600_000))).toMatch(/not behind the last change/);
    expect(() => clockAgainst(TOLD, after(-90_000))).toThrow(/behind the registry's by 1m30s or more/);
  });
});
