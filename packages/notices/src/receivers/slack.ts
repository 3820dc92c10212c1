import { DeployError } from '@deploy-tools/shared/errors.js';
import { decodeJson } from '@deploy-tools/shared/json/decode-json.js';
import { lenient } from '@deploy-tools/shared/json/json-schemas.js';
import * as z from 'zod/mini';
import { type Environment, secretFrom } from '../environment.js';
import { post, refusalOf } from '../http-answer.js';
import { isFailure, isRecovery, type Notice } from '../notice.js';
import type { Message, Receiver, ThreadMemory } from '../receiver.js';
import type { SlackUrl } from '../receiver-url.js';

const API = 'https://slack.com/api';
const COLORS = { good: '#2eb67d', bad: '#e01e5a', other: '#36c5f0' } as const;
/** Errors that a later attempt may not meet; see https://api.slack.com/methods/chat.postMessage#errors. */
const PASSING =
  /^(ratelimited|rate_limited|internal_error|fatal_error|service_unavailable|request_timeout|team_added_to_org)$/;
const NOT_ALLOWED =
  /auth|token|account_inactive|missing_scope|not_in_channel|channel_not_found|access_denied|restricted/;

/** The messages of a thread in Slack: the first one, and the last one with its event. */
const postedSchema = z.object({
  channel: z.string(),
  root: z.string(),
  last: z.string(),
  event: z.string(),
});

type Posted = z.output<typeof postedSchema>;

/** Posts to a channel with SLACK_TOKEN; newer numbers replace those of the posted message. */
export function slackReceiver(url: SlackUrl, environment: Environment, threads: ThreadMemory): Receiver {
  const call = (method: string, body: object, signal: AbortSignal) =>
    callApi(environment, method, body, signal);
  return {
    label: `slack://${url.channel}`,
    edits: true,
    quiet: url.quiet,
    send: async (message, signal) => {
      const before = parsePosted(await threads.recall(message.thread));
      const content = contentOf(message, url);
      if (before !== undefined && replaces(message.notice, before)) {
        const { channel, last } = before;
        const answer = await call('chat.update', { channel, ts: last, ...content }, signal);
        if (answer.ok === true) {
          await threads.keep(message.thread, JSON.stringify({ ...before, event: message.notice.event }));
          return;
        }
        if (!/^(message_not_found|cant_update_message|edit_window_closed)$/.test(errorOf(answer)))
          throw refusal(answer);
      }
      const reply = before === undefined ? {} : { thread_ts: before.root, reply_broadcast: !url.threaded };
      const answer = await call('chat.postMessage', { channel: url.channel, ...reply, ...content }, signal);
      if (answer.ok !== true) throw refusal(answer);
      const posted = postedOf(answer, before, message.notice);
      if (posted !== undefined) await threads.keep(message.thread, JSON.stringify(posted));
    },
  };
}

/** @throws DeployError denied. */
export async function slackToken(environment: Environment): Promise<string> {
  const token = await secretFrom(environment, 'SLACK_TOKEN');
  if (token !== undefined) return token;
  throw new DeployError('denied', 'SLACK_TOKEN is not set', {
    hint: "set it to a bot's token with the scope chat:write, or SLACK_TOKEN_FILE to a file with it",
  });
}

/** Whether a notice replaces the last message: a newer edition does, and the success of a rollout replaces its start. */
function replaces(notice: Notice, { event }: Posted): boolean {
  if ('edition' in notice && notice.edition !== undefined) return true;
  return event === 'deploy-started' && notice.event === 'deploy-succeeded' && notice.recovered === undefined;
}

const answerSchema = z.object({
  ok: z.optional(z.unknown()),
  error: z._default(lenient(z.string()), 'unknown_error'),
  channel: lenient(z.string()),
  ts: lenient(z.string()),
});

type Answer = z.output<typeof answerSchema>;

async function callApi(
  environment: Environment,
  method: string,
  body: object,
  signal: AbortSignal,
): Promise<Answer> {
  const base = environment.SLACK_API_URL ?? API;
  const headers = {
    'Content-Type': 'application/json; charset=utf-8',
    Authorization: `Bearer ${await slackToken(environment)}`,
  };
  const answer = await post(`${base.replace(/\/$/, '')}/${method}`, headers, JSON.stringify(body), signal);
  if (answer.status !== 200) throw refusalOf('Slack', answer);
  try {
    return z.parse(answerSchema, JSON.parse(answer.text));
  } catch (error) {
    throw new DeployError('connect', 'the answer is not from Slack', {
      hint: 'check for a proxy between the registry and Slack',
      cause: error,
    });
  }
}

function errorOf(answer: Answer): string {
  return typeof answer.error === 'string' ? answer.error : 'unknown_error';
}

function refusal(answer: Answer): DeployError {
  const error = errorOf(answer);
  if (PASSING.test(error)) return new DeployError('connect', `Slack answered ${error}`);
  if (NOT_ALLOWED.test(error)) {
    return new DeployError('denied', `Slack answered ${error}`, {
      hint: 'check SLACK_TOKEN and its scopes, and whether the app is in the channel',
    });
  }
  return new DeployError('invalid', `Slack answered ${error}`);
}

function postedOf(answer: Answer, before: Posted | undefined, { event }: Notice): Posted | undefined {
  const { channel, ts } = answer;
  if (channel === undefined || ts === undefined) return before;
  return { channel, root: before?.root ?? ts, last: ts, event };
}

function parsePosted(text: string | undefined): Posted | undefined {
  return text === undefined
    ? undefined
    : decodeJson(text, postedSchema, { what: 'the reference of a thread in Slack', kind: 'corrupt' });
}

function contentOf({ notice, title, body }: Message, { title: app, link }: SlackUrl): object {
  const good = notice.event === 'deploy-succeeded' || isRecovery(notice);
  const color = isFailure(notice) ? COLORS.bad : good ? COLORS.good : COLORS.other;
  const footer = app === undefined ? link : link === undefined ? escaped(app) : `<${link}|${escaped(app)}>`;
  const text = escaped(title);
  const attachment = {
    color,
    fallback: text,
    text: escaped(body),
    ...(footer === undefined ? {} : { footer }),
  };
  return {
    text,
    unfurl_links: false,
    unfurl_media: false,
    // An update without this key would leave the old attachments.
    attachments: body === '' && footer === undefined ? [] : [attachment],
  };
}

/** Escapes the three characters that have a meaning in Slack. */
function escaped(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}
