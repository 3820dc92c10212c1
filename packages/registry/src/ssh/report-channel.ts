import { DeployError, describeError } from '@deploy-tools/shared/errors.js';
import { BoundedLines } from '@deploy-tools/shared/report/bounded-lines.js';
import { encodeRegistryLine } from '@deploy-tools/shared/report/registry-line.js';
import { MAX_REPORT_LINE } from '@deploy-tools/shared/report/report.js';
import type { ServerChannel } from 'ssh2';
import type { Feed } from '../core/feed.js';
import type { ReportSession } from '../core/fleet/report-session.js';

/**
 * Serves exec `report`: reads lines of an agent and writes lines of the registry until either side ends it. A line is read
 * after the previous one has been handled, so SSH's own window slows down an agent that sends much. Closes the session.
 * @throws DeployError denied when the agent was refused.
 */
export async function serveReport(session: ReportSession, channel: ServerChannel, feed: Feed): Promise<void> {
  const close = () => session.close();
  feed.signal.addEventListener('abort', close, { once: true });
  if (feed.signal.aborted) close();
  try {
    void readLines(channel, session); // ends with the channel; gives its failures to the session
    for (let line = await session.next(); line !== undefined; line = await session.next()) {
      await feed.send(encodeRegistryLine(line));
    }
  } finally {
    feed.signal.removeEventListener('abort', close);
    close();
  }
  if (session.refused !== undefined) throw new DeployError('denied', session.refused);
}

async function readLines(channel: ServerChannel, session: ReportSession): Promise<void> {
  const lines = new BoundedLines(MAX_REPORT_LINE);
  // A destroyed channel cannot send the exit status.
  const input: AsyncIterable<Buffer> = channel.iterator({ destroyOnReturn: false });
  try {
    for await (const chunk of input) {
      for (const line of lines.push(chunk)) {
        if (session.isClosed) return; // without an answer, the agent sends the line again
        await session.take(line);
      }
    }
    session.complete();
  } catch (error) {
    session.refuse(describeError(error));
  } finally {
    channel.resume(); // discards the rest
  }
}
