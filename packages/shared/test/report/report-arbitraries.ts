import type { AgentLine } from '@deploy-tools/shared/report/agent-line.js';
import { DEPLOY_STATES } from '@deploy-tools/shared/report/deploy-state.js';
import type { RegistryLine } from '@deploy-tools/shared/report/registry-line.js';
import type { Hello, Release, StateReport } from '@deploy-tools/shared/report/report.js';
import fc from 'fast-check';

const letters = (alphabet: string, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...alphabet), minLength: 1, maxLength });

const token = letters('abcXYZ019', 12);
const hash = letters('0123456789abcdef', 1).map((digit) => digit.repeat(64));
const count = fc.nat();
const time = fc
  .date({ min: new Date('2000-01-01'), max: new Date('2100-01-01'), noInvalidDate: true })
  .map((date) => date.toISOString());
const config = letters('abcé😀-.', 8).filter((name) => name !== '.' && name !== '..');
const text = fc.string({ unit: 'binary', maxLength: 50 });
const release = fc.record({ revision: count, hash }, { requiredKeys: ['hash'] }) as fc.Arbitrary<Release>;

export const stateReports = fc.record(
  {
    config,
    state: fc.constantFrom(...DEPLOY_STATES),
    reason: fc.constantFrom('deploy', 'rollback', 'retry'),
    revision: count,
    hash,
    attempt: count,
    deploy: token,
    running: release,
    lastGood: release,
    since: time,
    progress: fc.record({ done: count, total: count }),
    error: fc.record({ kind: token, message: text }),
    log: fc.array(
      text.map((line) => line.replace(/[\r\n]/g, ' ')),
      { maxLength: 20 },
    ),
    timings: fc.dictionary(token, count, { maxKeys: 10 }),
    bytes: fc.record({ fetched: count, reused: count }),
    pause: fc.record({ by: text, since: time, reason: text }, { requiredKeys: [] }),
    notBefore: time,
    again: fc.boolean(),
  },
  { requiredKeys: ['config', 'state'] },
) as fc.Arbitrary<StateReport>;

/** Lines that an agent may write. */
export const agentLines: fc.Arbitrary<AgentLine> = fc.oneof(
  fc.record({ type: fc.constant('state' as const), report: stateReports }),
  fc.record({
    type: fc.constant('hello' as const),
    hello: fc.record(
      {
        host: token,
        agent: token,
        labels: fc.dictionary(token, text, { maxKeys: 10 }),
        configs: fc.uniqueArray(config, { maxLength: 10 }),
        features: fc.array(token, { maxLength: 3 }),
      },
      { requiredKeys: ['host', 'agent', 'labels', 'configs'] },
    ) as fc.Arbitrary<Hello>,
  }),
  fc.record({ type: fc.constant('heartbeat' as const) }),
);

/** Lines that a registry may write. */
export const registryLines: fc.Arbitrary<RegistryLine> = fc.oneof(
  fc.record({ type: fc.constant('welcome' as const), host: text }),
  fc.record({ type: fc.constant('refused' as const), error: text }),
  fc.record({ type: fc.constant('ack' as const), deploy: text, state: fc.constantFrom(...DEPLOY_STATES) }),
  fc.record({ type: fc.constant('retry' as const), config: text }),
  fc.record({ type: fc.constant('heartbeat' as const) }),
);
