import { DeployError, describeError } from '@deploy-tools/shared/errors.js';
import { BoundedLines } from '@deploy-tools/shared/report/bounded-lines.js';
import { encodeRegistryLine } from '@deploy-tools/shared/report/registry-line.js';
import { MAX_REPORT_LINE } from '@deploy-tools/shared/report/report.js';
import type { ServerChannel } from 'ssh2';
import type { Feed } from '../core/feed.js';
import type { Speaker } from '../core/fleet/presence.js';
import { ReportSession } from '../core/fleet/report-session.js';
import type { Registry } from '../core/registry.js';

/**
 * Serves exec `report`: lines of an agent in, lines of the registry out, until either side ends it. A line is read when
 * the one before it is done with, so an agent that says much is slowed down by SSH's own window.
 * @throws DeployError denied when the agent was refused.
 */
export async function serveReport(
  registry: Registry,
  speaker: Speaker,
  channel: ServerChannel,
  feed: Feed,
): Promise<void> {
  const session = new ReportSession(registry, speaker);
  const close = () => session.close();
  feed.signal.addEventListener('abort', close, { once: true });
  if (feed.signal.aborted) close();
  try {
    void readLines(channel, session); // ends with the channel; what it meets is the session's
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
  // A destroyed channel could not send the exit status any more.
  const input: AsyncIterable<Buffer> = channel.iterator({ destroyOnReturn: false });
  try {
    for await (const chunk of input) {
      for (const line of lines.push(chunk)) {
        if (session.isClosed) return; // nobody waits for its answer: the agent tells it again
        await session.take(line);
      }
    }
    session.complete();
  } catch (error) {
    session.refuse(describeError(error));
  } finally {
    channel.resume(); // what still comes is for nobody
  }
}
