import { request as httpRequest, type IncomingMessage, STATUS_CODES } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { limitCheck } from './check-limit.js';
import { type CheckContext, type Finding, MAX_ANSWER } from './health-check.js';
import { type CheckTarget, openCheck } from './open-check.js';

/** The part of a body that is read. */
const MAX_BODY = 64 * 1024;

const HEADERS = { 'user-agent': 'deploy-agent', accept: '*/*' };

/**
 * Sends a GET without following redirects: 2xx and 3xx pass, once the body has come too.
 * @throws Error with the reason why there was no whole answer.
 */
export function httpCheck(
  url: string,
  { timeoutMs, program }: Pick<CheckContext, 'timeoutMs' | 'program'>,
  signal: AbortSignal,
): Promise<Finding> {
  return limitCheck(timeoutMs, signal, async (limit) => {
    const socket = await openCheck(targetOf(url), program, limit);
    try {
      limit.throwIfAborted(); // an abort before the request exists would not end it
      return await ask(url, socket, limit);
    } finally {
      socket.destroy();
    }
  });
}

function targetOf(url: string): CheckTarget {
  const { protocol, hostname, port } = new URL(url);
  const usual = protocol === 'https:' ? 443 : 80;
  return { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? usual : Number(port) };
}

function ask(url: string, socket: Socket, limit: AbortSignal): Promise<Finding> {
  const { host } = targetOf(url);
  return new Promise((resolve, reject) => {
    const request = url.startsWith('https:')
      ? httpsRequest(url, {
          headers: HEADERS,
          defaultPort: 443,
          createConnection: () =>
            connectTls({ socket, host, ...(isIP(host) > 0 ? {} : { servername: host }) }),
        })
      : httpRequest(url, { headers: HEADERS, createConnection: () => socket });
    const abort = () => request.destroy(limit.reason as Error);
    limit.addEventListener('abort', abort, { once: true });
    request.once('response', (response) => {
      readBody(response).then((body) => {
        resolve(judge(response, body));
        request.destroy();
      }, reject);
    });
    request.once('error', reject);
    request.once('close', () => limit.removeEventListener('abort', abort));
    request.end();
  });
}

async function readBody(response: IncomingMessage): Promise<string> {
  let [bytes, text] = [0, ''];
  for await (const chunk of response as AsyncIterable<Buffer>) {
    if (text.length < MAX_ANSWER) text += chunk.toString('utf8', 0, MAX_ANSWER);
    bytes += chunk.length;
    if (bytes >= MAX_BODY) break;
  }
  return text;
}

function judge({ statusCode = 0 }: IncomingMessage, body: string): Finding {
  const status = `HTTP ${statusCode} ${STATUS_CODES[statusCode] ?? ''}`.trim();
  if (statusCode >= 200 && statusCode < 400) return { status: 'passing', answer: status };
  return { status: 'critical', answer: body.trim() === '' ? status : `${status}: ${body}` };
}
