import { readFileSync } from 'node:fs';
import { Turns } from '@deploy-tools/shared/host/turns.js';
import { RateLimit } from '@deploy-tools/shared/rate-limit.js';
import type { Speaker } from '../core/fleet/presence.js';
import { type Holder, Shares } from './shares.js';

/** Places that agents never take, however many there are of them. */
const MAX_KEPT_FOR_OPERATORS = 64;
/** Open files and listings of SFTP sessions; a listing counts one for so many entries. */
const MAX_HANDLES = 16_384;
const ENTRIES_OF_A_HANDLE = 32;
/**
 * Lines of agents by one key: a second, and at once. One key may be that of a whole fleet, and after a change a thousand hosts
 * have something to say; an outcome counts as many lines as report-session.ts says.
 */
const LINES_PER_SECOND = 2000;
const LINES_AT_ONCE = 40_000;
/** Bytes that lie here unread or unsent, over all connections of one key, and of all agents. */
const HELD_BYTES = { agent: 64 * 1024 * 1024, operator: 256 * 1024 * 1024, agents: 128 * 1024 * 1024 };

export type Reporting = Pick<Speaker, 'pace' | 'outcomes'>;

export interface BudgetOptions {
  readonly maxConnections: number;
  readonly maxConnectionsPerKey: number;
  readonly maxChannels: number;
  /** How many files the process may have open, sockets among them. */
  readonly maxOpenFiles: number;
}

/** One connection, as far as its memory goes. */
export interface HoldingConnection {
  readonly holder: Holder | undefined;
  /** Bytes that lie here unread or unsent. */
  readonly heldBytes: number;
  readonly endForBudget: (reason: string) => void;
}

/**
 * What one key may have of the registry, whatever it does with it and over however many connections: the one place for such bounds.
 * A key may be one host's or a whole fleet's, so these are bounds against abuse and not a fair share.
 */
export class KeyBudgets {
  readonly connections: Shares;
  readonly channels: Shares;
  readonly #handles: Shares;
  readonly #reporting = new Map<string, Reporting>();

  constructor({ maxConnections, maxConnectionsPerKey, maxChannels, maxOpenFiles }: BudgetOptions) {
    const kept = Math.min(MAX_KEPT_FOR_OPERATORS, Math.floor(maxConnections / 10));
    const connections = {
      total: maxConnections,
      agents: maxConnections - kept,
      perKey: maxConnectionsPerKey,
    };
    this.connections = new Shares(connections);
    this.channels = new Shares(times(connections, maxChannels));
    const handles = Math.min(MAX_HANDLES, Math.max(256, Math.floor(maxOpenFiles / 4)));
    this.#handles = new Shares({ total: handles, agents: Math.ceil(handles * 0.75), perKey: handles / 2 });
  }

  /** @returns how to give the handle back; a text when there is none to have. */
  takeHandle(holder: Holder, entries = 0): (() => void) | string {
    const amount = 1 + Math.ceil(entries / ENTRIES_OF_A_HANDLE);
    const refused = this.#handles.take(holder, amount);
    return refused ?? (() => this.#handles.give(holder, amount));
  }

  /** What all agents with this key share when they report. */
  reportingOf(fingerprint: string): Reporting {
    const known = this.#reporting.get(fingerprint);
    if (known !== undefined) return known;
    const pace = new RateLimit({ perSecond: LINES_PER_SECOND, burst: LINES_AT_ONCE });
    const reporting = { pace, outcomes: new Turns(1) };
    this.#reporting.set(fingerprint, reporting);
    return reporting;
  }

  /** Ends the connections that hold the most, until no key and not all agents together hold more than they may. */
  enforceHeldBytes(connections: Iterable<HoldingConnection>): void {
    const byKey = new Map<string, Held>();
    const agents: Held = { bytes: 0, connections: [] };
    for (const connection of connections) {
      const { holder, heldBytes } = connection;
      if (holder === undefined || heldBytes === 0) continue;
      const held = byKey.get(holder.fingerprint) ?? { bytes: 0, connections: [] };
      byKey.set(holder.fingerprint, held);
      for (const sum of holder.role === 'agent' ? [held, agents] : [held]) {
        sum.bytes += heldBytes;
        sum.connections.push(connection);
      }
    }
    for (const held of byKey.values()) {
      const role = held.connections[0]?.holder?.role ?? 'agent';
      shrink(held, HELD_BYTES[role], 'its key holds too much memory');
    }
    shrink(agents, HELD_BYTES.agents, 'agents hold too much memory');
  }
}

interface Held {
  bytes: number;
  readonly connections: HoldingConnection[];
}

function shrink(held: Held, most: number, reason: string): void {
  if (held.bytes <= most) return;
  const sized = held.connections.map((connection) => ({ connection, bytes: connection.heldBytes }));
  sized.sort((a, b) => b.bytes - a.bytes);
  for (const { connection, bytes } of sized) {
    if (held.bytes <= most) return;
    held.bytes -= bytes;
    connection.endForBudget(reason);
  }
}

function times(
  bounds: { readonly total: number; readonly agents: number; readonly perKey: number },
  factor: number,
) {
  return { total: bounds.total * factor, agents: bounds.agents * factor, perKey: bounds.perKey * factor };
}

/** How many files this process may have open; Node.js has raised it to the hard limit. A guess where it cannot be read. */
export function openFileLimit(): number {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8');
    const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    return 4096; // not Linux
  }
}
