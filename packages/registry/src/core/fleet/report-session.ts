import { setImmediate } from 'node:timers/promises';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { RateLimit } from '@deploy-tools/shared/rate-limit.js';
import { type AgentLine, decodeAgentLine } from '@deploy-tools/shared/report/agent-line.js';
import { isOutcome } from '@deploy-tools/shared/report/deploy-state.js';
import type { RegistryLine } from '@deploy-tools/shared/report/registry-line.js';
import type { Hello, StateReport } from '@deploy-tools/shared/report/report.js';
import { requireReadable } from '../access.js';
import type { Heartbeats } from '../heartbeats.js';
import type { Fleet } from './fleet.js';
import type { Listener, Presence, Speaker } from './presence.js';

/** Lines of an agent per second, and at once. A stored outcome costs as much as OUTCOME_COST lines. */
const LINES_PER_SECOND = 20;
const BURST = 400;
const OUTCOME_COST = 20;

/** Answers that may wait to be sent; meanwhile no further line of the agent is read. */
const MAX_ANSWERS = 8;

export interface ReportPorts {
  readonly fleet: Fleet;
  readonly heartbeats: Heartbeats;
}

/** One agent's channel: handles the agent's lines in order, one at a time, and queues the lines to it. */
export class ReportSession {
  readonly #fleet: Fleet;
  readonly #speaker: Speaker;
  readonly #pace: RateLimit;
  readonly #closing = new AbortController();
  readonly #answers: RegistryLine[] = [];
  /** Operators' orders, the last of each kind for each configuration. */
  readonly #orders = new Map<string, RegistryLine>();
  readonly #leaveHeartbeats: () => void;
  readonly #listener: Listener;
  #presence: Presence | undefined;
  #beat = false;
  #refused: string | undefined;
  #complete = false;
  #wakeWriter = () => {};
  #wakeReader = () => {};

  constructor({ fleet, heartbeats }: ReportPorts, speaker: Speaker) {
    this.#fleet = fleet;
    this.#speaker = speaker;
    this.#pace = new RateLimit({ perSecond: LINES_PER_SECOND, burst: BURST });
    this.#listener = { tell: (line) => this.#tell(line), end: (reason) => this.refuse(reason) };
    this.#leaveHeartbeats = heartbeats.join(() => {
      this.#beat = true;
      this.#wakeWriter();
    });
  }

  /**
   * Handles one line; resolves when there is room for the next. One at a time.
   * @throws DeployError when the line is not acceptable, or the agent has been refused.
   */
  async take(text: string): Promise<void> {
    const line = decodeAgentLine(text);
    await this.#spend(1);
    if (this.#refused !== undefined) throw new DeployError('denied', this.#refused);
    if (line !== undefined) await this.#handle(line);
    while (this.#answers.length >= MAX_ANSWERS && !this.#closing.signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve;
      });
    }
  }

  /** Resolves with the next line to the agent; undefined after the last one. One call at a time. */
  async next(): Promise<RegistryLine | undefined> {
    for (;;) {
      const line = this.#pending();
      if (line !== undefined) return line;
      if (this.#isOver() || this.#closing.signal.aborted) return undefined;
      await new Promise<void>((resolve) => {
        this.#wakeWriter = resolve;
      });
    }
  }

  /** Notes the agent's last line; pending answers are still sent. */
  complete(): void {
    this.#complete = true;
    this.#wakeWriter();
  }

  /** Refuses the agent: the last line has the reason, and no further line is handled. */
  refuse(reason: string): void {
    if (this.#refused !== undefined) return;
    this.#refused = reason;
    this.#answers.push({ type: 'refused', error: reason });
    this.#wakeWriter();
  }

  /** Ends the session. May be called twice. */
  close(): void {
    this.#closing.abort();
    this.#leaveHeartbeats();
    if (this.#presence !== undefined) this.#fleet.leave(this.#presence);
    this.#wakeWriter();
    this.#wakeReader();
  }

  get isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** The reason for a refusal of the agent; undefined for none. */
  get refused(): string | undefined {
    return this.#refused;
  }

  #pending(): RegistryLine | undefined {
    const answer = this.#answers.shift();
    if (answer !== undefined) {
      this.#wakeReader();
      return answer;
    }
    if (this.#isOver()) return undefined;
    for (const [key, order] of this.#orders) {
      this.#orders.delete(key);
      return order;
    }
    if (!this.#beat) return undefined;
    this.#beat = false;
    return { type: 'heartbeat' };
  }

  #isOver(): boolean {
    return this.#complete || this.#refused !== undefined;
  }

  async #handle(line: AgentLine): Promise<void> {
    if (line.type === 'hello') return this.#hello(line.hello);
    const presence = this.#presence;
    if (presence === undefined) throw new DeployError('invalid', 'the first line is not a hello');
    this.#checkKey(presence.host);
    this.#fleet.heard(presence);
    if (line.type === 'heartbeat') this.#fleet.rested(presence);
    else await this.#state(presence, line.report);
  }

  async #hello(hello: Hello): Promise<void> {
    this.#checkKey(hello.host);
    for (const name of hello.configs) requireReadable(this.#speaker.access, name);
    if (this.#presence !== undefined && this.#presence.host !== hello.host) {
      throw new DeployError(
        'invalid',
        `the channel reports for ${this.#presence.host}, not for ${hello.host}`,
      );
    }
    this.#presence ??= {
      speaker: this.#speaker,
      listener: this.#listener,
      host: hello.host,
      configs: new Set(),
      marksAgain: false,
      takesCancel: false,
      heardAt: 0,
    };
    await this.#fleet.join(this.#presence, hello);
    this.#answer({ type: 'welcome', host: hello.host });
  }

  async #state(presence: Presence, report: StateReport): Promise<void> {
    const note = () => this.#fleet.report(presence, report);
    const intake = isOutcome(report.state) ? await this.#inTurn(note) : await note();
    if (intake === 'noted' || report.deploy === undefined) return;
    this.#answer({ type: 'ack', deploy: report.deploy, state: report.state });
    if (intake === 'stored') await this.#spend(OUTCOME_COST);
  }

  /** Stores one outcome of a key per turn of the event loop, over all channels of the key: each takes milliseconds. */
  #inTurn<T>(store: () => Promise<T>): Promise<T> {
    return this.#speaker.outcomes.take(async () => {
      const stored = await store();
      await setImmediate();
      return stored;
    }, this.#closing.signal);
  }

  /** Waits for the rate limits of this channel and of its key, which may have many channels. */
  async #spend(amount: number): Promise<void> {
    await this.#pace.wait(amount, this.#closing.signal);
    await this.#speaker.pace.wait(amount, this.#closing.signal);
  }

  /** Checks the key again: the key files may have changed. */
  #checkKey(host: string): void {
    const refusal = this.#speaker.refusal(host);
    if (refusal !== undefined) throw new DeployError('denied', refusal);
  }

  #answer(line: RegistryLine): void {
    this.#answers.push(line);
    this.#wakeWriter();
  }

  #tell(line: RegistryLine): void {
    if (line.type === 'retry' || line.type === 'cancel')
      this.#orders.set(`${line.type} ${line.config}`, line);
    this.#wakeWriter();
  }
}
