import type { Intake } from '@deploy-tools/registry/core/fleet/fleet.js';
import type { Presence, Speaker } from '@deploy-tools/registry/core/fleet/presence.js';
import type { RegistryLine } from '@deploy-tools/shared/report/registry-line.js';
import type { StateReport } from '@deploy-tools/shared/report/report.js';
import { SPEAKER, type TestRegistry } from './open-registry.js';

/** An agent that is played by a test, past the wire. */
export interface PlayedAgent {
  readonly presence: Presence;
  /** What it was told, `end` lines with their reason. */
  readonly told: (RegistryLine | { readonly type: 'end'; readonly reason: string })[];
  hello(configs: readonly string[]): Promise<void>;
  report(report: StateReport): Promise<Intake>;
  /** It sends a heartbeat. */
  beat(): void;
  /** Anything arrives of it. */
  beatOnly(): void;
  leave(): void;
}

/** @param features as its hello has them: one of an agent of today marks what it tells again. */
export function playAgent(
  registry: Pick<TestRegistry, 'fleet'>,
  host: string,
  speaker: Speaker = SPEAKER,
  features: readonly string[] = [],
): PlayedAgent {
  const told: PlayedAgent['told'] = [];
  const presence: Presence = {
    speaker,
    host,
    configs: new Set(),
    marksAgain: false,
    takesCancel: false,
    heardAt: 0,
    listener: { tell: (line) => told.push(line), end: (reason) => told.push({ type: 'end', reason }) },
  };
  const { fleet } = registry;
  return {
    presence,
    told,
    hello: (configs) =>
      fleet.join(presence, { host, agent: '0.2.0', labels: { zone: 'a' }, configs, features }),
    report: (report) => fleet.report(presence, report),
    beat: () => {
      fleet.heard(presence);
      fleet.rested(presence);
    },
    beatOnly: () => fleet.heard(presence),
    leave: () => fleet.leave(presence),
  };
}

/** The same agent's key from another address, or another key. */
export function speakerOf(fields: { fingerprint?: string; address?: string }): Speaker {
  const { fingerprint = SPEAKER.key.fingerprint, address = SPEAKER.address } = fields;
  return { ...SPEAKER, key: { fingerprint, comment: fingerprint }, address };
}
