import { type ChildProcess, spawn } from 'node:child_process';
import { type AgentLine, encodeAgentLine } from '@deploy-tools/shared/report/agent-line.js';
import { isOutcome } from '@deploy-tools/shared/report/deploy-state.js';
import { decodeRegistryLine, type RegistryLine } from '@deploy-tools/shared/report/registry-line.js';
import type { StateReport } from '@deploy-tools/shared/report/report.js';
import type { OpenSsh } from './open-ssh.js';
import { PATIENCE_MS } from './patience.js';
import type { Scope } from './scope.js';

/** What a host that is played by a test says of itself. */
export interface HostOptions {
  readonly host: string;
  readonly configs: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  /** How often it says that it lives; never, unless told. */
  readonly heartbeatMs?: number;
}

/** A host that is played by a test: the stock `ssh … report`, with lines that the test writes. */
export class ReportingHost {
  readonly name: string;
  /** What the registry said so far. */
  readonly heard: RegistryLine[] = [];
  /** Resolves with the exit status of ssh. */
  readonly ended: Promise<number>;
  readonly #child: ChildProcess;
  readonly #waiters = new Set<() => void>();
  #rest = '';
  #over = false;

  constructor(scope: Scope, agent: OpenSsh, { host, heartbeatMs }: HostOptions) {
    this.name = host;
    this.#child = spawn('ssh', agent.sshArgs('report'), { stdio: ['pipe', 'pipe', 'ignore'] });
    this.#child.stdin?.on('error', () => {}); // the registry may end it
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#hear(text));
    const beat = () => this.say({ type: 'heartbeat' });
    const timer = heartbeatMs === undefined ? undefined : setInterval(beat, heartbeatMs);
    this.ended = new Promise((resolve) => {
      this.#child.once('close', (code) => {
        clearInterval(timer);
        this.#over = true;
        this.#wake();
        resolve(code ?? 255);
      });
    });
    scope.defer(() => this.die());
  }

  say(line: AgentLine): void {
    this.write(encodeAgentLine(line));
  }

  /** Any text, as it is. */
  write(text: string): void {
    this.#child.stdin?.write(text);
  }

  /** Says how far it is, and waits until the registry has stored it where it is an outcome. */
  async report(report: StateReport): Promise<void> {
    this.say({ type: 'state', report });
    const { deploy, state } = report;
    if (deploy === undefined || !isOutcome(state)) return;
    await this.hears((line) => line.type === 'ack' && line.deploy === deploy && line.state === state);
  }

  /** Waits for a line of the registry, said already or yet to come. */
  async hears(fits: (line: RegistryLine) => boolean, timeoutMs = PATIENCE_MS): Promise<RegistryLine> {
    const end = performance.now() + timeoutMs;
    for (;;) {
      const found = this.heard.find(fits);
      if (found !== undefined) return found;
      const left = end - performance.now();
      if (this.#over || left <= 0) {
        throw new Error(`${this.name} was not told; it heard ${JSON.stringify(this.heard)}`);
      }
      await this.#change(left);
    }
  }

  /** Ends its input, as an agent that stops. */
  async leave(): Promise<number> {
    this.#child.stdin?.end();
    return this.ended;
  }

  /** As by kill -9. */
  async die(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
  }

  #hear(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const decoded = decodeRegistryLine(line);
      if (decoded !== undefined) this.heard.push(decoded);
    }
    this.#wake();
  }

  #change(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#waiters.delete(done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#waiters.add(done);
    });
  }

  #wake(): void {
    for (const waiter of [...this.#waiters]) waiter();
  }
}

/** Starts a host and waits until the registry has taken it in. */
export async function startHost(scope: Scope, agent: OpenSsh, options: HostOptions): Promise<ReportingHost> {
  const { host, configs, labels = {} } = options;
  const reporting = new ReportingHost(scope, agent, options);
  reporting.say({ type: 'hello', hello: { host, agent: '0.2.0', labels, configs } });
  await reporting.hears(({ type }) => type === 'welcome');
  return reporting;
}
