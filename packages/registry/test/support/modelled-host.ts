import { DeployError } from '@deploy-tools/shared/errors.js';
import { type AgentLine, decodeAgentLine, encodeAgentLine } from '@deploy-tools/shared/report/agent-line.js';
import { type DeployState, isOutcome, type Outcome } from '@deploy-tools/shared/report/deploy-state.js';
import type { StateReport } from '@deploy-tools/shared/report/report.js';
import { SPEAKER, type TestRegistry } from './open-registry.js';
import { type PlayedAgent, playAgent } from './played-agent.js';

/** How a host is, as it would say it itself. */
export interface Truth {
  readonly state: DeployState;
  readonly hash: string | undefined;
  /** What runs and is proven to run well; undefined when nothing is. */
  readonly runsWell: string | undefined;
}

interface Sent {
  readonly line: AgentLine;
  /** How the host was when it said so. */
  readonly truth: Truth;
}

interface Channel {
  readonly agent: PlayedAgent;
  /** On their way. */
  readonly lines: Sent[];
}

interface Attempt {
  readonly deploy: string;
  readonly hash: string;
  readonly step: DeployState;
  readonly since: string;
}

/**
 * A host as the agent's side of exec report has it: attempts with their outcomes, kept until they are acknowledged and
 * told again on each new channel, then how things are now. Its clock is what the test makes of it, and what it says is
 * on its way until the test delivers it.
 */
export class ModelledHost {
  readonly name: string;
  /** Whether it marks what it tells again, as agents of today do. */
  readonly marks: boolean;
  /** Added to the registry's clock. */
  skewMs = 0;
  paused = false;
  crashed = false;
  /** Its registry is too slow: what it says is dropped. */
  isBehind = false;
  /** How it was when it said what was delivered last, on whatever channel. */
  heard: Truth | undefined;
  readonly #config: string;
  readonly #clock: () => Date;
  #registry: Pick<TestRegistry, 'fleet'>;
  #channel: Channel | undefined;
  #old: Channel | undefined;
  #owed: StateReport[] = [];
  #attempts = 0;
  #attempt: Attempt | undefined;
  #wanted: string | undefined;
  #running: string | undefined;
  #lastGood: string | undefined;

  constructor(registry: TestRegistry, name: string, config: string, marks: boolean) {
    this.name = name;
    this.#registry = registry;
    this.#clock = registry.clock;
    this.#config = config;
    this.marks = marks;
  }

  get truth(): Truth {
    const { state, hash } = this.#present();
    const isProven = this.#running === this.#lastGood && !this.crashed;
    return { state, hash, runsWell: isProven ? this.#running : undefined };
  }

  /** Whether it is connected, and nothing is on its way. */
  get isQuiet(): boolean {
    return this.#channel !== undefined && this.#channel.lines.length === 0 && !isEnded(this.#channel);
  }

  /** The registry was restarted: whoever was connected is not. */
  moveTo(registry: Pick<TestRegistry, 'fleet'>): void {
    this.#registry = registry;
    this.#channel = undefined;
    this.#old = undefined;
  }

  /** Opens a channel; one that it had is not closed yet, as after a lost connection. */
  connect(): void {
    this.#old = this.#channel;
    const features = this.marks ? ['again'] : [];
    const agent = playAgent(this.#registry, this.name, SPEAKER, features);
    this.#channel = { agent, lines: [] };
    this.greet();
  }

  greet(): void {
    const hello = { host: this.name, agent: '1', labels: {}, configs: [this.#config] };
    this.#send({ type: 'hello', hello });
    this.tellAll();
  }

  tellAll(): void {
    for (const report of this.#owed) this.#say(this.marks ? { ...report, again: true } : report);
    this.#say(this.#present());
  }

  beat(): void {
    this.#send({ type: 'heartbeat' });
  }

  /** What is on its way is lost. */
  cut(): void {
    this.#channel?.agent.leave();
    this.#channel = undefined;
  }

  poll(wanted: string): void {
    this.#wanted = wanted;
    this.#changed();
  }

  pause(): void {
    this.paused = !this.paused;
    this.#changed();
  }

  crash(): void {
    this.crashed = !this.crashed;
    this.#changed();
  }

  /** Begins an attempt at what is wanted, or ends the one that it is at. */
  work(outcome: Outcome): void {
    const { deploy, hash } = this.#attempt ?? {};
    const isUnderWay = this.#attempt !== undefined && !isOutcome(this.#attempt.step);
    if (isUnderWay && deploy !== undefined && hash !== undefined) this.#end(deploy, hash, outcome);
    else if (this.#wanted !== undefined) this.#begin(this.#wanted);
  }

  /** @param acknowledged whether the registry's answers arrive. */
  async deliver(count: number, acknowledged: boolean): Promise<void> {
    for (let at = 0; at < count; at += 1) {
      const channel = this.#channel;
      const sent = channel?.lines.shift();
      if (channel === undefined || sent === undefined) return;
      const isTaken = await this.#take(channel, sent.line, acknowledged);
      if (!isTaken) return this.cut();
      this.heard = sent.truth;
    }
  }

  /** What the channel before still had to say arrives now: nobody may listen to it. @returns whether somebody did. */
  async deliverOld(): Promise<boolean> {
    const old = this.#old;
    this.#old = undefined;
    if (old === undefined || !isEnded(old)) return false;
    for (const { line } of old.lines) {
      if (line.type === 'state' && (await this.#take(old, line, true))) return true;
    }
    return false;
  }

  #begin(hash: string): void {
    this.#attempts += 1;
    this.#attempt = { deploy: `d${this.#attempts}`, hash, step: 'fetching', since: this.#now() };
    this.#changed();
  }

  #end(deploy: string, hash: string, outcome: Outcome): void {
    this.#attempt = { deploy, hash, step: outcome, since: this.#now() };
    if (outcome === 'healthy') this.#lastGood = hash;
    if (outcome === 'healthy' || outcome === 'rolled-back') this.#running = this.#lastGood;
    if (outcome === 'inconsistent') this.#running = undefined;
    this.#changed();
  }

  #changed(): void {
    const report = this.#present();
    const isOwed = isOutcome(report.state) && report.deploy !== undefined;
    if (isOwed) this.#owed = [...this.#owed.filter(({ deploy }) => deploy !== report.deploy), report];
    this.#say(report);
  }

  #say(report: StateReport): void {
    this.#send({ type: 'state', report });
  }

  #send(line: AgentLine): void {
    if (!this.isBehind) this.#channel?.lines.push({ line, truth: this.truth });
  }

  async #take({ agent }: Channel, sent: AgentLine, acknowledged: boolean): Promise<boolean> {
    const line = decodeAgentLine(encodeAgentLine(sent).trimEnd());
    try {
      if (line?.type === 'hello') await agent.hello(line.hello.configs);
      else if (line?.type === 'heartbeat') agent.beat();
      else if (line?.type === 'state') {
        agent.beatOnly();
        const intake = await agent.report(line.report);
        if (intake !== 'noted' && acknowledged) {
          this.#owed = this.#owed.filter(({ deploy }) => deploy !== line.report.deploy);
        }
      }
      return true;
    } catch (error) {
      if (error instanceof DeployError) return false;
      throw error;
    }
  }

  /** As the agent's present-report.ts. */
  #present(): StateReport {
    const config = this.#config;
    const target = this.#wanted ?? this.#lastGood;
    const where = {
      config,
      ...(this.#running === undefined ? {} : { running: { hash: this.#running } }),
      ...(this.#lastGood === undefined ? {} : { lastGood: { hash: this.#lastGood } }),
    };
    const hash = target === undefined ? {} : { hash: target };
    const report = this.paused
      ? { ...where, ...hash, state: 'paused' as const }
      : this.#deployReport(where, hash);
    if (!this.crashed || !['healthy', 'skipped', 'paused'].includes(report.state)) return report;
    return { ...where, ...hash, state: 'failed' };
  }

  #deployReport(where: Pick<StateReport, 'config'>, target: Pick<StateReport, 'hash'>): StateReport {
    const attempt = this.#attempt;
    const isAbout = this.#wanted === undefined || attempt?.hash === this.#wanted;
    if (attempt !== undefined && (isAbout || !isOutcome(attempt.step))) {
      const { deploy, hash, step, since } = attempt;
      return { ...where, state: step, hash, deploy, since };
    }
    return { ...where, ...target, state: this.#restingState() };
  }

  #restingState(): DeployState {
    if (this.#lastGood === undefined || this.#running !== this.#lastGood) return 'pending';
    if (this.#wanted === undefined) return 'healthy';
    return this.#wanted === this.#lastGood ? 'skipped' : 'pending';
  }

  #now(): string {
    return new Date(this.#clock().getTime() + this.skewMs).toISOString();
  }
}

/** Whether the registry has ended it. */
function isEnded({ agent }: Channel): boolean {
  return agent.told.some(({ type }) => type === 'end');
}
