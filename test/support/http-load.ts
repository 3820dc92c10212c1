import { Agent, get } from 'node:http';

export interface LoadResult {
  readonly requests: number;
  /** What was refused, reset, dropped or answered wrong. */
  readonly failures: readonly string[];
  /** How many answers began with each word. */
  readonly answers: ReadonlyMap<string, number>;
  readonly slowestMs: number;
}

export interface Load {
  readonly port: number;
  /** Clients that open a connection for each request. */
  readonly fresh: number;
  /** Clients that keep theirs. */
  readonly kept: number;
}

/** Sends requests from several clients at once, each the next as soon as it has its answer, until it is stopped. */
export function startHttpLoad({ port, fresh, kept }: Load): { stop(): Promise<LoadResult> } {
  const failures: string[] = [];
  const answers = new Map<string, number>();
  let [requests, slowestMs, stopped] = [0, 0, false];
  const client = async (agent: Agent | false): Promise<void> => {
    while (!stopped) {
      const started = performance.now();
      try {
        const [word = ''] = (await ask(port, agent)).split(' ');
        answers.set(word, (answers.get(word) ?? 0) + 1);
      } catch (error) {
        failures.push(String(error));
      }
      requests += 1;
      slowestMs = Math.max(slowestMs, performance.now() - started);
    }
    if (agent !== false) agent.destroy();
  };
  const clients = [
    ...Array.from({ length: fresh }, () => client(false)),
    ...Array.from({ length: kept }, () => client(new Agent({ keepAlive: true, maxSockets: 1 }))),
  ];
  return {
    stop: async () => {
      stopped = true;
      await Promise.all(clients);
      return { requests, failures, answers, slowestMs };
    },
  };
}

/** The body of an answer 200. A connection that is closed, or an answer that is cut, is an error. */
export function ask(port: number, agent: Agent | false = false, path = '/'): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port, agent, path }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200) resolve(body);
        else reject(new Error(`HTTP ${response.statusCode}`));
      });
    });
    request.on('error', reject);
  });
}
