import { readFileSync } from 'node:fs';
import { Turns } from '@deploy-tools/shared/host/turns.js';
import { RateLimit } from '@deploy-tools/shared/rate-limit.js';
import type { Speaker } from '../core/fleet/presence.js';
import { type Holder, Shares } from './shares.js';

/** Places that are kept for operators, however many agents there are. */
const MAX_KEPT_FOR_OPERATORS = 64;
/** Open files and listings of all SFTP sessions. A listing counts as one for each ENTRIES_OF_A_HANDLE entries. */
const MAX_HANDLES = 16_384;
const ENTRIES_OF_A_HANDLE = 32;
/**
 * Bounds on the lines of agents with one key: per second, and at once. A whole fleet may share a key, and a thousand hosts report
 * after a change. report-session.ts says how many lines an outcome counts as.
 */
const LINES_PER_SECOND = 2000;
const LINES_AT_ONCE = 40_000;
/** Bounds on unread and unsent bytes, over all connections of one key, and of all agents. */
const HELD_BYTES = { agent: 64 * 1024 * 1024, operator: 256 * 1024 * 1024, agents: 128 * 1024 * 1024 };

export type Reporting = Pick<Speaker, 'pace' | 'outcomes'>;

export interface BudgetOptions {
  readonly maxConnections: number;
  readonly maxConnectionsPerKey: number;
  readonly maxChannels: number;
  /** How many files the process may have open, sockets among them. */
  readonly maxOpenFiles: number;
}

/** A connection with the memory that it holds. */
export interface HoldingConnection {
  readonly holder: Holder | undefined;
  /** Unread and unsent bytes. */
  readonly heldBytes: number;
  readonly endForBudget: (reason: string) => void;
}

/**
 * The bounds on what one key may use of the registry, over all its connections. A key may belong to one host or to a whole fleet, so
 * the bounds prevent abuse; they are no fair shares.
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

  /** @returns a function that gives the handle back; a text with the reached bound when there is no room. */
  takeHandle(holder: Holder, entries = 0): (() => void) | string {
    const amount = 1 + Math.ceil(entries / ENTRIES_OF_A_HANDLE);
    const refused = this.#handles.take(holder, amount);
    return refused ?? (() => this.#handles.give(holder, amount));
  }

  /** The limits of reports that all agents with this key share. */
  reportingOf(fingerprint: string): Reporting {
    const known = this.#reporting.get(fingerprint);
    if (known !== undefined) return known;
    const pace = new RateLimit({ perSecond: LINES_PER_SECOND, burst: LINES_AT_ONCE });
    const reporting = { pace, outcomes: new Turns(1) };
    this.#reporting.set(fingerprint, reporting);
    return reporting;
  }

  /** Ends the connections that hold the most bytes, until each key and all agents together are within their bounds. */
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

/** The number of files that this process may have open. Node.js has raised it to the hard limit. A guess outside of Linux. */
export function openFileLimit(): number {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8');
    const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    return 4096; // not Linux
  }
}
