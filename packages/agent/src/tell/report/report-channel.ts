import { PassThrough, Writable } from 'node:stream';
import type { Connection } from '@deploy-tools/shared/client/connection.js';
import { type AgentLine, encodeAgentLine } from '@deploy-tools/shared/report/agent-line.js';
import { lineSink } from '@deploy-tools/shared/report/bounded-lines.js';
import { decodeRegistryLine, type RegistryLine } from '@deploy-tools/shared/report/registry-line.js';
import { MAX_REPORT_LINE } from '@deploy-tools/shared/report/report.js';

/** Bytes that wait for a slow registry; further lines are dropped. */
const MAX_WAITING_BYTES = 512 * 1024;

/** One channel with exec `report`. */
export interface ReportChannel {
  /** Sends a line. @returns false when it was dropped; `onDrain` is called once the registry takes lines again. */
  say(line: AgentLine): boolean;
  /** Ends the channel after the lines that wait. */
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
  const stdout = lineSink(MAX_REPORT_LINE, (text) => {
    const line = decodeRegistryLine(text);
    if (line !== undefined) onLine(line);
  });
  const stderr = new Writable({ write: (_chunk, _encoding, done) => done() });
  stdin.on('drain', onDrain);
  const ended = connection.exec('report', { stdin, stdout, stderr }).finally(() => stdin.destroy());
  return {
    say: (line) => {
      const isBusy = stdin.destroyed || stdin.writableEnded || stdin.writableLength > MAX_WAITING_BYTES;
      if (!isBusy) stdin.write(encodeAgentLine(line));
      return !isBusy;
    },
    end: () => stdin.end(),
    ended,
  };
}
