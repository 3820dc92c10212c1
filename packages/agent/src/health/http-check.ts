import { request as httpRequest, type IncomingMessage, STATUS_CODES } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { limitCheck } from './check-limit.js';
import { type Finding, MAX_ANSWER } from './health-check.js';

/** A longer body is not waited for. */
const MAX_BODY = 64 * 1024;

/**
 * GET without following redirects: 2xx and 3xx pass, once the body has come too.
 * @throws Error saying why there was no whole answer.
 */
export function httpCheck(url: string, timeoutMs: number, signal: AbortSignal): Promise<Finding> {
  return new Promise((resolve, reject) => {
    const send = url.startsWith('https:') ? httpsRequest : httpRequest;
    const request = send(url, { agent: false, headers: { 'user-agent': 'deploy-agent', accept: '*/*' } });
    const limit = limitCheck(timeoutMs, signal, (error) => request.destroy(error));
    request.once('response', (response) => {
      readBody(response).then((body) => {
        resolve(judge(response, body));
        request.destroy();
      }, reject);
    });
    request.once('error', reject);
    request.once('close', () => limit.clear());
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
