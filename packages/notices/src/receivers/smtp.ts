import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { DeployError, errnoOf, isDeployError, toDeployError } from '@deploy-tools/shared/errors.js';
import { type Environment, secretFrom } from '../environment.js';
import type { Message, Receiver } from '../receiver.js';
import type { SmtpUrl } from '../receiver-url.js';

const CONNECT_MS = 10_000;
const SILENCE_MS = 20_000;
const DOMAIN = 'deploy-tools.invalid';

interface Login {
  readonly user: string;
  readonly pass: string;
}

/** Sends mails over TLS; see docs/notices.md. Mails of one thread refer to it, so that mail programs group them. */
export function smtpReceiver(url: SmtpUrl, environment: Environment, clock: () => Date): Receiver {
  return {
    label: `smtp://${url.host}:${url.port}/${url.to.join(',')}`,
    edits: false,
    quiet: url.quiet,
    send: async (message, signal) => {
      const account = await accountOf(url, environment);
      const socket = connect({ host: url.host, port: url.port });
      socket.on('error', () => {}); // the awaited promise is rejected too
      const abort = () => socket.destroy(toDeployError(signal.reason));
      signal.addEventListener('abort', abort, { once: true });
      try {
        await connected(socket);
        const transport = await openTransport(url, account, socket);
        await transport.sendMail(mailOf(message, url, account.from, clock()));
      } catch (error) {
        throw signal.aborted ? toDeployError(signal.reason) : refusal(error, url);
      } finally {
        signal.removeEventListener('abort', abort);
        socket.destroy();
      }
    },
  };
}

/** The sender's address. @throws DeployError usage when none is set. */
export async function sender({ from }: SmtpUrl, environment: Environment): Promise<string> {
  const found = from ?? environment.MAIL_FROM ?? environment.MAIL_USERNAME;
  if (found?.includes('@')) return found;
  throw new DeployError('usage', 'no sender of the mails is set', { hint: 'add from= to the URL' });
}

/** The login, never used without TLS. @throws DeployError when only one of name and password is set. */
export async function loginOf({ tls }: SmtpUrl, environment: Environment): Promise<Login | undefined> {
  if (tls === 'off') return undefined;
  const user = environment.MAIL_USERNAME;
  const pass = await secretFrom(environment, 'MAIL_PASSWORD');
  if (user !== undefined && user !== '' && pass !== undefined) return { user, pass };
  if ((user === undefined || user === '') && pass === undefined) return undefined;
  throw new DeployError('denied', 'only one of MAIL_USERNAME and MAIL_PASSWORD is set', {
    hint: 'set both or none',
  });
}

interface Account {
  readonly from: string;
  readonly auth: Login | undefined;
  /** The certificates to trust. */
  readonly ca: string | undefined;
}

async function accountOf(url: SmtpUrl, environment: Environment): Promise<Account> {
  return {
    from: await sender(url, environment),
    auth: await loginOf(url, environment),
    ca: url.ca === undefined ? undefined : await readFile(url.ca, 'utf8').catch(noCertificates(url.ca)),
  };
}

/** Waits for the connection, which is made here because nodemailer cannot abort one. */
async function connected(socket: Socket): Promise<void> {
  const late = setTimeout(() => socket.destroy(noAnswer()), CONNECT_MS);
  try {
    await once(socket, 'connect');
  } finally {
    clearTimeout(late);
  }
}

function noAnswer(): DeployError {
  return new DeployError('timeout', `no connection within ${CONNECT_MS / 1000} s`);
}

async function openTransport(url: SmtpUrl, { auth, ca }: Account, connection: Socket) {
  const { createTransport } = await import('nodemailer');
  return createTransport({
    connection,
    host: url.host,
    port: url.port,
    secure: url.tls === 'implicit',
    requireTLS: url.tls === 'required',
    ignoreTLS: url.tls === 'off',
    greetingTimeout: CONNECT_MS,
    socketTimeout: SILENCE_MS,
    tls: { minVersion: 'TLSv1.2', ...(ca === undefined ? {} : { ca }) },
    ...(auth === undefined ? {} : { auth }),
    disableFileAccess: true,
    disableUrlAccess: true,
  });
}

function noCertificates(file: string): (error: unknown) => never {
  return (error) => {
    throw new DeployError('denied', `the certificates in ${file} cannot be read`, { cause: error });
  };
}

function mailOf(
  { id, notice, title, body, thread }: Message,
  { to, subject }: SmtpUrl,
  from: string,
  date: Date,
) {
  const root = `<${createHash('sha256').update(thread).digest('hex').slice(0, 32)}@${DOMAIN}>`;
  return {
    from,
    to: [...to],
    subject: subject === undefined ? title : `${subject}: ${title}`,
    text: `${title}\n${body === '' ? '' : `\n${body}\n`}`,
    date,
    messageId: `<${id}@${DOMAIN}>`,
    inReplyTo: root,
    references: [root],
    headers: { 'Auto-Submitted': 'auto-generated', 'X-Deploy-Event': notice.event },
  };
}

/** The error of a failed mail. Answers of 5xx are final (RFC 5321, 4.2.1), except those to the login. */
function refusal(error: unknown, { host, tls }: SmtpUrl): DeployError {
  const code = errnoOf(error);
  const answer = responseCode(error);
  const message = `mail server ${host}: ${toDeployError(error).message}`;
  if (code === 'EAUTH') {
    return new DeployError('denied', message, {
      hint: 'check MAIL_USERNAME and MAIL_PASSWORD',
      cause: error,
    });
  }
  if (code === 'ETLS' && tls === 'required') {
    const hint = 'only tls=off in the URL allows mail without TLS';
    return new DeployError('connect', message, { hint, cause: error });
  }
  if (code === 'ETIMEDOUT' || isDeployError(error, 'timeout'))
    return new DeployError('timeout', message, { cause: error });
  if (answer !== undefined && answer >= 500) return new DeployError('invalid', message, { cause: error });
  return new DeployError('connect', message, { cause: error });
}

function responseCode(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('responseCode' in error)) return undefined;
  return typeof error.responseCode === 'number' ? error.responseCode : undefined;
}
