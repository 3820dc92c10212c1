import { DeployError } from '@deploy-tools/shared/errors.js';
import { httpError } from './http-request.js';

/**
 * The bytes of an answer. Leaving early closes the connection.
 * @param idleMs how long nothing may arrive.
 * @throws DeployError connect, timeout, cancelled.
 */
export async function* httpBody(
  response: Response,
  idleMs: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const host = URL.canParse(response.url) ? new URL(response.url).host : 'the server';
  const reader = response.body?.getReader();
  if (reader === undefined) return;
  let idle = false;
  const timer = setTimeout(() => {
    idle = true;
    void reader.cancel().catch(() => {});
  }, idleMs);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (idle) throw new DeployError('timeout', `nothing came from ${host} for ${idleMs / 1000} s`);
      if (done) return;
      yield value;
      if (signal.aborted) throw new DeployError('cancelled', 'stopped before it was done');
      timer.refresh();
    }
  } catch (error) {
    throw httpError(error, host, signal);
  } finally {
    clearTimeout(timer);
    await reader.cancel().catch(() => {});
  }
}

/**
 * A whole answer as JSON.
 * @throws DeployError too-large, corrupt; and as {@link httpBody}.
 */
export async function httpJson(
  response: Response,
  { maxBytes, idleMs }: { readonly maxBytes: number; readonly idleMs: number },
  signal: AbortSignal,
): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of httpBody(response, idleMs, signal)) {
    total += chunk.length;
    if (total > maxBytes) throw new DeployError('too-large', `the answer is larger than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch (error) {
    throw new DeployError('corrupt', 'the answer is not JSON', { cause: error });
  }
}
