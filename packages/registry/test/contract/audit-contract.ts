import type { AuditQuery, AuditRecord, MetaStore } from '@deploy-tools/registry/meta/meta-store.js';
import fc from 'fast-check';
import { expect } from 'vitest';
import { auditOf } from './meta-samples.js';
import type { WithStore } from './meta-store-contract.js';

/** The audit log's part of the contract of MetaStore. */
export function auditContract(withStore: WithStore): void {
  withStore('a record is read back as it was appended, whatever it says', async (store) => {
    const records = [
      auditOf({ args: [], subjects: [], durationMs: 0 }),
      auditOf({
        args: ['-name', 'a"b\\c', '', '\u0000\u001b[31m', 'é😀'],
        subjects: ['p', 'code'],
        changes: true,
      }),
      auditOf({ result: 'failed', error: 'no such "thing"' }),
      auditOf({ result: 'refused', error: '' }),
    ];
    await append(store, records);
    expect((await ask(store, { limit: 10 })).map(sorted)).toEqual(records.map(sorted));
  });

  withStore('a subject that is named twice counts once', async (store) => {
    await append(store, [auditOf({ subjects: ['p', 'p'] })]);
    expect(await ask(store, { limit: 10, subject: 'p' })).toEqual([auditOf({ subjects: ['p'] })]);
  });

  withStore('the limit keeps the newest; the oldest of them comes first', async (store) => {
    const records = Array.from({ length: 9 }, (_, index) => auditOf({ command: `c${index}` }));
    await append(store, records);
    expect((await ask(store, { limit: 3 })).map(({ command }) => command)).toEqual(['c6', 'c7', 'c8']);
    expect(await ask(store, { limit: 100 })).toHaveLength(9);
  });

  withStore('a query by key takes a whole fingerprint or a part of the comment', async (store) => {
    await append(store, [
      auditOf({ fingerprint: 'SHA256:one', comment: 'alice@100%_host' }),
      auditOf({ fingerprint: 'SHA256:two', comment: 'bob' }),
    ]);
    const found = async (who: string) => (await ask(store, { limit: 9, who })).map(({ comment }) => comment);
    expect(await found('SHA256:two')).toEqual(['bob']);
    expect(await found('SHA256:')).toEqual([]);
    expect(await found('lice@100%_')).toEqual(['alice@100%_host']);
    expect(await found('%')).toEqual(['alice@100%_host']);
    expect(await found('a_ice')).toEqual([]);
  });

  withStore('any conditions hold together', async (store) => {
    const records = everyKind();
    await append(store, records);
    const condition = <T>(...values: T[]) => fc.option(fc.constantFrom(...values), { nil: undefined });
    const anyQuery = fc.record({
      subject: condition('p', 'code', 'other'),
      who: condition('SHA256:abc', 'ops', 'nobody'),
      command: condition('showconf', 'addver', 'x'),
      since: condition('2026-01-01T00:00:00.000Z', '2026-01-03T00:00:00.000Z'),
      failed: condition(true, false),
      changes: condition(true, false),
      limit: fc.integer({ min: 1, max: 40 }),
    });
    await fc.assert(
      fc.asyncProperty(anyQuery, async (wanted) => {
        const query = JSON.parse(JSON.stringify(wanted)) as AuditQuery;
        const expected = records.filter((record) => matches(record, query)).slice(-query.limit);
        expect((await ask(store, query)).map(sorted)).toEqual(expected.map(sorted));
      }),
    );
  });

  withStore('what is older than a time is deleted and counted, with its subjects', async (store) => {
    const days = ['01', '02', '03', '04'];
    await append(
      store,
      days.map((day) => auditOf({ time: `2026-01-${day}T00:00:00.000Z`, subjects: ['p'] })),
    );
    expect(await store.write((tx) => tx.deleteAuditBefore('2026-01-03T00:00:00.000Z'))).toBe(2);
    expect(await store.write((tx) => tx.deleteAuditBefore('2026-01-03T00:00:00.000Z'))).toBe(0);
    const left = await ask(store, { limit: 9, subject: 'p' });
    expect(left.map(({ time }) => time.slice(8, 10))).toEqual(['03', '04']);
  });
}

async function append(store: MetaStore, records: readonly AuditRecord[]): Promise<void> {
  await store.write(async (tx) => {
    for (const record of records) await tx.appendAudit(record);
  });
}

function ask(store: MetaStore, query: AuditQuery): Promise<readonly AuditRecord[]> {
  return store.read((tx) => tx.audit(query));
}

/** Subjects are a set. */
function sorted(record: AuditRecord): AuditRecord {
  return { ...record, subjects: [...record.subjects].sort() };
}

/** One record for each combination of what a query can ask. */
function everyKind(): AuditRecord[] {
  const records: AuditRecord[] = [];
  for (const command of ['showconf', 'addver'])
    for (const subjects of [[], ['p'], ['p', 'code']])
      for (const result of ['ok', 'failed', 'refused'] as const)
        for (const changes of [false, true])
          for (const day of ['02', '04']) {
            const time = `2026-01-${day}T00:00:00.000Z`;
            records.push(
              auditOf({
                command,
                subjects,
                result,
                changes,
                time,
                ...(result === 'ok' ? {} : { error: 'e' }),
              }),
            );
          }
  return records;
}

function matches(record: AuditRecord, query: AuditQuery): boolean {
  return (
    (query.subject === undefined || record.subjects.includes(query.subject)) &&
    (query.who === undefined || record.fingerprint === query.who || record.comment.includes(query.who)) &&
    (query.command === undefined || record.command === query.command) &&
    (query.since === undefined || record.time >= query.since) &&
    (query.failed !== true || record.result !== 'ok') &&
    (query.changes !== true || record.changes)
  );
}
