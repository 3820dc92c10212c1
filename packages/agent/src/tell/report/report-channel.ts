import { PassThrough, Writable } from 'node:stream';
import type { Connection } from '@deploy-tools/shared/client/connection.js';
import { type AgentLine, encodeAgentLine } from '@deploy-tools/shared/report/agent-line.js';
import { BoundedLines } from '@deploy-tools/shared/report/bounded-lines.js';
import { decodeRegistryLine, type RegistryLine } from '@deploy-tools/shared/report/registry-line.js';
import { MAX_REPORT_LINE } from '@deploy-tools/shared/report/report.js';

/** Lines that wait to be taken by a registry that is slow; what is said beyond is dropped. */
const MAX_WAITING = 512 * 1024;

/** One channel with exec `report`. */
export interface ReportChannel {
  /** @returns false when the registry is too slow to take it now; `onDrain` tells when it can again. */
  say(line: AgentLine): boolean;
  /** Nothing more will be said. */
  end(): void;
  /** Resolves when the registry has ended it. @throws DeployError unsupported when it refuses; connect; invalid; too-large. */
  readonly ended: Promise<number>;
}

/** @param onLine called for each line of the registry, in order. */
export function openReportChannel(
  connection: Connection,
  onLine: (line: RegistryLine) => void,
  onDrain: () => void,
): ReportChannel {
  const stdin = new PassThrough({ highWaterMark: MAX_REPORT_LINE });
  const lines = new BoundedLines(MAX_REPORT_LINE);
  const stdout = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      try {
        for (const text of lines.push(chunk)) {
          const line = decodeRegistryLine(text);
          if (line !== undefined) onLine(line);
        }
        done();
      } catch (error) {
        done(error as Error);
      }
    },
  });
  const stderr = new Writable({ write: (_chunk, _encoding, done) => done() });
  stdin.on('drain', onDrain);
  const ended = connection.exec('report', { stdin, stdout, stderr }).finally(() => stdin.destroy());
  return {
    say: (line) => {
      if (stdin.destroyed || stdin.writableEnded) return false;
      if (stdin.writableLength > MAX_WAITING) return false;
      stdin.write(encodeAgentLine(line));
      return true;
    },
    end: () => stdin.end(),
    ended,
  };
}
