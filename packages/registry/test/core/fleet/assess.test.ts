import { assess, CATEGORIES } from '@deploy-tools/registry/core/fleet/assess.js';
import type { HostStatus } from '@deploy-tools/registry/core/fleet/fleet-status.js';
import type { Contact, Follower } from '@deploy-tools/registry/core/fleet/follower.js';
import { waitResult } from '@deploy-tools/registry/core/fleet/wait-result.js';
import { DEPLOY_STATES } from '@deploy-tools/shared/report/deploy-state.js';
import type { StateReport } from '@deploy-tools/shared/report/report.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stateReports } from '../../../../shared/test/report/report-arbitraries.js';

const [OLD, NEW] = ['a'.repeat(64), 'b'.repeat(64)];

function followerOf(report: StateReport | undefined, contact: Contact = 'live'): Follower {
  const record = {
    host: 'web1',
    key: { fingerprint: '', comment: '' },
    agent: '',
    labels: {},
    firstSeen: '',
  };
  const times = { changed: '', lastContact: '', silentMs: 0 };
  return {
    record,
    configuration: 'p',
    report,
    contact,
    isCurrent: contact === 'live',
    isStored: true,
    address: undefined,
    ...times,
  };
}

const said = (state: StateReport['state'], fields: Partial<StateReport> = {}): StateReport => ({
  config: 'p',
  state,
  hash: NEW,
  ...fields,
});

describe('a host', () => {
  test.each(DEPLOY_STATES)('that says %s of the hash before is pending, whatever it is', (state) => {
    expect(assess(followerOf(said(state, { hash: OLD })), NEW)).toBe('pending');
  });

  test.each([
    ['pending', 'pending'],
    ['fetching', 'pending'],
    ['staged', 'pending'],
    ['activating', 'pending'],
    ['validating', 'pending'],
    ['healthy', 'in-sync'],
    ['failed', 'failed'],
    ['rolling-back', 'failed'],
    ['rolled-back', 'failed'],
    ['inconsistent', 'failed'],
    ['skipped', 'in-sync'],
    ['rejected', 'failed'],
    ['vetoed', 'pending'],
    ['paused', 'pending'],
  ] as const)('that says %s of the hash that is wanted is %s', (state, category) => {
    expect(assess(followerOf(said(state)), NEW)).toBe(category);
  });

  test('that is held back is in sync when what it runs well is what is wanted', () => {
    const running = { hash: NEW };
    expect(assess(followerOf(said('paused', { hash: OLD, running, lastGood: running })), NEW)).toBe(
      'in-sync',
    );
    expect(assess(followerOf(said('paused', { running: { hash: OLD }, lastGood: running })), NEW)).toBe(
      'pending',
    );
  });

  test('that is not heard is lost or unknown, whatever it said', () => {
    fc.assert(
      fc.property(fc.option(stateReports, { nil: undefined }), (report) => {
        expect(assess(followerOf(report, 'lost'), NEW)).toBe('lost');
        expect(assess(followerOf(report, 'unheard'), NEW)).toBe('unknown');
      }),
    );
  });

  test('is unknown when it said nothing yet, or nothing is wanted', () => {
    expect(assess(followerOf(undefined), NEW)).toBe('unknown');
    expect(assess(followerOf(said('healthy')), undefined)).toBe('unknown');
  });
});

const hostIn = (category: (typeof CATEGORIES)[number], settled = category !== 'pending'): HostStatus => ({
  follower: followerOf(undefined),
  category,
  settled,
  isChanging: false,
});

describe('waiting', () => {
  const now = { settle: false, isLate: false };

  test.each([
    [[], now, undefined],
    [[], { settle: false, isLate: true }, 'late'],
    [['in-sync', 'in-sync'], now, 'in-sync'],
    [['in-sync', 'pending'], now, undefined],
    [['in-sync', 'pending'], { settle: false, isLate: true }, 'late'],
    [['failed', 'pending'], now, 'failed'],
    [['failed', 'pending'], { settle: true, isLate: false }, undefined],
    [['failed', 'pending'], { settle: true, isLate: true }, 'failed'],
    [['failed', 'lost', 'in-sync'], { settle: true, isLate: false }, 'failed'],
    [['lost', 'pending'], now, undefined],
    [['lost', 'pending'], { settle: false, isLate: true }, 'late'],
    [['lost', 'in-sync'], now, 'lost'],
    [['lost'], now, 'lost'],
  ] as const)('for %j with %j ends %s', (categories, waiting, verdict) => {
    expect(
      waitResult(
        categories.map((category) => hostIn(category)),
        waiting,
      ),
    ).toBe(verdict);
  });

  test.each([true, false])('goes on while a host is between two releases, with -settle %s', (settle) => {
    const goingBack: HostStatus = { ...hostIn('failed', false), isChanging: true };
    const proving: HostStatus = { ...hostIn('pending'), isChanging: true };
    for (const hosts of [[goingBack], [goingBack, hostIn('in-sync')], [hostIn('failed'), proving]]) {
      expect(waitResult(hosts, { settle, isLate: false })).toBeUndefined();
      expect(waitResult(hosts, { settle, isLate: true })).toBe('failed');
    }
  });

  test('goes on for a host that may still be heard, and not for one that has been away too long', () => {
    expect(waitResult([hostIn('unknown', false)], now)).toBeUndefined();
    expect(waitResult([hostIn('unknown', true)], now)).toBe('lost');
  });

  test('ends at the deadline at the latest, and well only when every host is in sync', () => {
    const host = fc
      .tuple(fc.constantFrom(...CATEGORIES), fc.boolean())
      .map(([category, gone]) => hostIn(category, category === 'unknown' ? gone : category !== 'pending'));
    fc.assert(
      fc.property(fc.array(host), fc.boolean(), (hosts, settle) => {
        const verdict = waitResult(hosts, { settle, isLate: true });
        expect(verdict).toBeDefined();
        const isWell = hosts.length > 0 && hosts.every(({ category }) => category === 'in-sync');
        expect(verdict === 'in-sync').toBe(isWell);
        expect(verdict === 'failed').toBe(hosts.some(({ category }) => category === 'failed'));
      }),
    );
  });
});
