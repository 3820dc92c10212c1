import { isAbsolute, normalize } from 'node:path';
import { parseDuration } from '@deploy-tools/shared/duration.js';
import { DeployError } from '@deploy-tools/shared/errors.js';

export type SlackUrl = ReturnType<typeof slack>;
export type SmtpUrl = ReturnType<typeof smtp>;
export type WebhookUrl = ReturnType<typeof webhook>;
export type ExecUrl = ReturnType<typeof exec>;
export type ReceiverUrl = SlackUrl | SmtpUrl | WebhookUrl | ExecUrl;

const FORMS = 'slack://channel, smtp://host:port/to, webhook+https://…, exec:///path';
const LONGEST_URL = 2000;
const LONGEST_TIMEOUT_MS = 10 * 60_000;
/** Names of parameters that look like secrets: a receiver's URL is stored, listed and logged. */
const SECRET_NAME = /token|secret|passw|credential|signature|\bsig\b|auth|api-?_?key|^key$/i;
/** The variables that a URL may name; it must not read others of the process. */
const SECRET_VARIABLE = /^WEBHOOK_SECRET(_[A-Z0-9_]+)?$/;

/** Parses a receiver's URL, see docs/notices.md. @throws DeployError usage. */
export function parseReceiverUrl(text: string): ReceiverUrl {
  if (text.length > LONGEST_URL) throw refused(`a receiver's URL has at most ${LONGEST_URL} characters`);
  const url = asUrl(text);
  if (url.password !== '' || (url.username !== '' && url.protocol !== 'smtp:')) {
    throw refused("a receiver's URL may not have a user or a password in it", secretHint(url.protocol));
  }
  switch (url.protocol) {
    case 'slack:':
      return slack(url);
    case 'smtp:':
    case 'mail:':
      return smtp(url);
    case 'webhook+http:':
    case 'webhook+https:':
      return webhook(url);
    case 'exec:':
      return exec(url);
    default:
      throw refused(`no receiver has the scheme "${url.protocol.slice(0, -1)}"`, `use ${FORMS}`);
  }
}

function asUrl(text: string): URL {
  try {
    return new URL(text);
  } catch {
    throw refused(`"${text}" is not the URL of a receiver`, `use ${FORMS}`);
  }
}

function slack(url: URL) {
  const channel = decoded(url.host + (url.pathname === '/' ? '' : url.pathname)).replace(/^#/, '');
  if (!/^[^\s/?#@:]{1,80}$/u.test(channel))
    throw refused('a slack URL names one channel', 'as in slack://deploys');
  const query = queryOf(url, ['title', 'url', 'thread', 'quiet']);
  const link = query.get('url');
  if (link !== undefined && !/^https?:\/\/[^\s<>|]+$/.test(link)) throw refused('url= should be an http URL');
  return {
    kind: 'slack',
    channel,
    title: query.get('title'),
    link,
    /** Whether later messages of a rollout appear in its thread alone. */
    threaded: isYes(query, 'thread'),
    quiet: isYes(query, 'quiet'),
  } as const;
}

function smtp(url: URL) {
  const query = queryOf(url, ['from', 'subject', 'tls', 'ca', 'quiet']);
  const to = decoded(url.pathname.slice(1))
    .split(',')
    .filter((address) => address !== '');
  if (url.hostname === '' || url.username !== '')
    throw refused('an smtp URL names a host', 'as in smtp://host:587/to');
  if (to.length === 0 || to.some((address) => !isAddress(address))) {
    throw refused('an smtp URL names the recipients', 'as in smtp://mail.example.com:587/ops@example.com');
  }
  const from = query.get('from');
  if (from !== undefined && !isAddress(from)) throw refused('from= should be a mail address');
  const ca = query.get('ca');
  if (ca !== undefined) absolute(ca, 'ca=');
  const port = url.port === '' ? 587 : Number(url.port);
  return {
    kind: 'smtp',
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port,
    to,
    from,
    subject: query.get('subject'),
    tls: tlsOf(query.get('tls'), port),
    /** A file with the certificates to trust; without it the system's are trusted. */
    ca,
    quiet: isYes(query, 'quiet'),
  } as const;
}

/** `required`: no message without STARTTLS; `implicit`: TLS from the first byte. */
function tlsOf(word: string | undefined, port: number): 'required' | 'implicit' | 'off' {
  switch (word) {
    case undefined:
    case 'on':
    case 'true':
    case 'required':
      return port === 465 ? 'implicit' : 'required';
    case 'implicit':
      return 'implicit';
    case 'off':
    case 'false':
      return 'off';
    default:
      throw refused('tls= should be on, implicit or off');
  }
}

function webhook(url: URL) {
  const target = asUrl(url.href.replace(/^webhook\+/, ''));
  const env = take(target, 'secret-env');
  const file = take(target, 'secret-file');
  const quiet = isYes(target.searchParams, 'quiet');
  target.searchParams.delete('quiet');
  const named = [...target.searchParams.keys()].find((name) => SECRET_NAME.test(name));
  if (named !== undefined) throw refused(`"${named}=" looks like a secret`, secretHint(url.protocol));
  if (env !== undefined && file !== undefined) throw refused('give secret-env= or secret-file=, not both');
  if (env !== undefined && !SECRET_VARIABLE.test(env)) {
    throw refused('secret-env= names a variable WEBHOOK_SECRET or WEBHOOK_SECRET_…');
  }
  if (file !== undefined) absolute(file, 'secret-file=');
  target.hash = '';
  const secret = env !== undefined ? { env } : file !== undefined ? { file } : undefined;
  return { kind: 'webhook', url: target.href, secret, quiet } as const;
}

function exec(url: URL) {
  const query = queryOf(url, ['timeout', 'quiet']);
  const path = decoded(url.pathname);
  if (url.host !== '') throw refused('an exec URL has three slashes', 'as in exec:///usr/local/bin/tell');
  absolute(path, 'the program');
  const timeoutMs = parseDuration(query.get('timeout') ?? '30s');
  if (timeoutMs <= 0 || timeoutMs > LONGEST_TIMEOUT_MS) throw refused('timeout= should be up to 10m');
  return { kind: 'exec', path, timeoutMs, quiet: isYes(query, 'quiet') } as const;
}

/** The query of a receiver's URL: known parameters only, each once. */
function queryOf(url: URL, known: readonly string[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [name, value] of url.searchParams) {
    if (SECRET_NAME.test(name)) throw refused(`"${name}=" looks like a secret`, secretHint(url.protocol));
    if (!known.includes(name))
      throw refused(`unknown option "${name}="`, `known options: ${known.join(', ')}`);
    if (found.has(name)) throw refused(`"${name}=" is there twice`);
    if (value !== '') found.set(name, value);
  }
  return found;
}

/** Removes a parameter from the query. @returns its value. */
function take(url: URL, name: string): string | undefined {
  const value = url.searchParams.get(name) ?? undefined;
  if (value !== undefined) url.searchParams.delete(name);
  return value;
}

function isYes(query: { get(name: string): string | null | undefined }, name: string): boolean {
  const value = query.get(name) ?? 'false';
  if (value === 'true' || value === 'false') return value === 'true';
  throw refused(`${name}= should be true or false`);
}

function absolute(path: string, what: string): void {
  if (!isAbsolute(path) || normalize(path) !== path || path.endsWith('/') || path.includes('\0')) {
    throw refused(`${what} should be the whole path of a file`);
  }
}

function isAddress(text: string): boolean {
  return /^[^\s@<>,;:"()[\]\\]+@[^\s@<>,;:"()\\]+$/.test(text) && text.length <= 320;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw refused('a "%" in the URL is not followed by two hex digits');
  }
}

function secretHint(protocol: string): string {
  if (protocol.startsWith('webhook'))
    return 'name a variable or file that holds it: secret-env=, secret-file=';
  return protocol === 'slack:' ? 'set SLACK_TOKEN instead' : 'set MAIL_USERNAME and MAIL_PASSWORD instead';
}

function refused(message: string, hint?: string): DeployError {
  return new DeployError('usage', message, { hint });
}
