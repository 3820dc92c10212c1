import { accessTo } from '@deploy-tools/registry/core/access.js';
import { ReportSession } from '@deploy-tools/registry/core/fleet/report-session.js';
import { type AgentLine, encodeAgentLine } from '@deploy-tools/shared/report/agent-line.js';
import type { RegistryLine } from '@deploy-tools/shared/report/registry-line.js';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { agentLines } from '../../../../shared/test/report/report-arbitraries.js';
import { kindOfRejection } from '../../../../shared/test/support/kind-of.js';
import { openRegistry, SPEAKER, type TestRegistry } from '../../support/open-registry.js';

const HELLO: AgentLine = { type: 'hello', hello: { host: 'web1', agent: '1', labels: {}, configs: ['p'] } };
const healthy = (deploy: string): AgentLine => ({
  type: 'state',
  report: { config: 'p', state: 'healthy', hash: 'a'.repeat(64), deploy },
});

function open(registry: TestRegistry, speaker = SPEAKER) {
  const session = new ReportSession(registry, speaker);
  onTestFinished(() => session.close());
  return { session, take: (line: AgentLine) => session.take(encodeAgentLine(line).trimEnd()) };
}

/** What it says until there is nothing more, when its agent has said all it has to. */
function rest(session: ReportSession): Promise<RegistryLine[]> {
  session.complete();
  return readAll(session);
}

async function readAll(session: ReportSession): Promise<RegistryLine[]> {
  const lines: RegistryLine[] = [];
  for (let line = await session.next(); line !== undefined; line = await session.next()) lines.push(line);
  return lines;
}

describe('a channel', () => {
  test('welcomes, acknowledges outcomes, and answers what it was asked before it ends', async () => {
    const { session, take } = open(await openRegistry());
    await take(HELLO);
    await take({ type: 'heartbeat' });
    await take({ type: 'state', report: { config: 'p', state: 'fetching' } });
    await take(healthy('d1'));
    expect(await rest(session)).toEqual([
      { type: 'welcome', host: 'web1' },
      { type: 'ack', deploy: 'd1', state: 'healthy' },
    ]);
  });

  test('is for one host, and begins with its name', async () => {
    const registry = await openRegistry();
    const { take } = open(registry);
    expect(await kindOfRejection(take({ type: 'heartbeat' }))).toBe('invalid');
    await take(HELLO);
    const other = { ...HELLO.hello, host: 'web2' };
    expect(await kindOfRejection(take({ type: 'hello', hello: other }))).toBe('invalid');
  });

  test('is refused when the key may not read a configuration that it would follow', async () => {
    const registry = await openRegistry();
    const { take } = open(registry, { ...SPEAKER, access: accessTo('web-*') });
    await expect(take(HELLO)).rejects.toThrow('this key may not read configuration "p"');
    expect(registry.fleet.followers()).toEqual([]);
    await take({ type: 'hello', hello: { ...HELLO.hello, configs: ['web-1'] } });
    expect(registry.fleet.followers().map(({ configuration }) => configuration)).toEqual(['web-1']);
    await expect(take(HELLO)).rejects.toThrow('this key may not read configuration "p"');
  });

  test('passes over lines of a type that is not known', async () => {
    const { session } = open(await openRegistry());
    await session.take('{"Type":"weather"}');
    expect(await rest(session)).toEqual([]);
  });

  test('that is refused says why as its last line, and takes nothing more', async () => {
    const { session, take } = open(await openRegistry());
    await take(HELLO);
    session.refuse('enough');
    session.refuse('other');
    expect(await kindOfRejection(take(healthy('d1')))).toBe('denied');
    expect(await rest(session)).toEqual([
      { type: 'welcome', host: 'web1' },
      { type: 'refused', error: 'enough' },
    ]);
  });

  test('gets one order to retry for each configuration, however long it does not read', async () => {
    const registry = await openRegistry();
    const { session, take } = open(registry);
    await take(HELLO);
    for (let turn = 0; turn < 5; turn += 1) registry.fleet.order('web1', 'p', { type: 'retry', config: 'p' });
    expect(await session.next()).toEqual({ type: 'welcome', host: 'web1' });
    expect(await session.next()).toEqual({ type: 'retry', config: 'p' });
    expect(await rest(session)).toEqual([]);
  });

  test('is asked at each line whether its key still may', async () => {
    let refusal: string | undefined;
    const { take } = open(await openRegistry(), { ...SPEAKER, refusal: () => refusal });
    await take(HELLO);
    refusal = 'the host name web1 is kept for another key';
    expect(await kindOfRejection(take({ type: 'heartbeat' }))).toBe('denied');
  });

  test('that is not read does not pile up answers: its lines wait', async () => {
    const { session, take } = open(await openRegistry());
    await take(HELLO);
    let taken = 0;
    const flood = (async () => {
      for (let at = 0; at < 20; at += 1) {
        await take(healthy(`d${at}`));
        taken += 1;
      }
    })();
    while (taken < 6) await new Promise(setImmediate);
    for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate);
    expect(taken).toBeLessThanOrEqual(8);
    session.close();
    await flood.catch(() => {});
  });

  test('takes any lines in any order, or refuses them with a kind', async () => {
    const registry = await openRegistry();
    await fc.assert(
      fc.asyncProperty(fc.array(agentLines, { maxLength: 8 }), async (lines) => {
        const session = new ReportSession(registry, SPEAKER);
        const reading = readAll(session);
        for (const line of lines) {
          const kind = await kindOfRejection(session.take(encodeAgentLine(line).trimEnd()));
          expect(['nothing thrown', 'invalid', 'denied', 'in-use', 'too-large']).toContain(kind);
        }
        session.close();
        await reading;
      }),
      { numRuns: 100 },
    );
  });
});
